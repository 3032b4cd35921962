"""Style transfer as a library: pictures and options in, a pastiche out. Knows no chat and no queue."""
