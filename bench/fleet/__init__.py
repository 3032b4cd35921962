"""The compose topology as plain processes, upgraded and restored under load: ``make fleet``."""
