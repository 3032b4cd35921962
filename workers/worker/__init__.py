"""The process that paints: it takes jobs, gives way, and posts what came of them."""
