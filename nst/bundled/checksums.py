"""SHA-256 of the weight files that this version ships; written by `python -m nst.bundled.train`."""

SHA256: dict[str, str] = {
    "extractor.npz": "139c586737fa9da5354c90a194216b5046c44ad9b563f63b74eac20ae8f3bd77",
    "network.npz": "706b3446c06b1423579fb659862f40dcc150b4a632fca5bbb32ce37eb2fe8be1",
}
