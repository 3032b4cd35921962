"""Pictures and clips: reading strangers' bytes in a process of its own, writing results, masks, films."""
