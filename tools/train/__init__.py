"""The recipe of the bundled networks: `python -m tools.train --help`."""
