"""What people can do, written once for every platform."""
