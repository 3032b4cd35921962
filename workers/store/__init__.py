"""Redis and blobs: connections, names of keys, bytes and their owners, what is kept to be used again."""
