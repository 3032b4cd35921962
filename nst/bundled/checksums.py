"""SHA-256 of the weight files that this version ships; written by `python -m nst.bundled.train`."""

SHA256: dict[str, str] = {}
