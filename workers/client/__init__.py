"""What frontends do with the queue: submit, cancel, ask, hear. Light: no NumPy, no TensorFlow."""
