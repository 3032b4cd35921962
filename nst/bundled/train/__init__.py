"""The recipe of the bundled networks: `python -m nst.bundled.train --help`."""
