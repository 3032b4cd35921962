"""SHA-256 of the weight files that this version ships; written by `python -m nst.bundled.train`."""

SHA256: dict[str, str] = {
    "extractor.npz": "139c586737fa9da5354c90a194216b5046c44ad9b563f63b74eac20ae8f3bd77",
    "network.npz": "f0bcd0683972ba9e90fcfac837f11ec40b4271463803bf3ee08a3e26d9260cc5",
}
