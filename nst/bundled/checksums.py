"""SHA-256 of the weight files that this version ships; written by `python -m tools.train`."""

SHA256: dict[str, str] = {
    "extractor.npz": "46bb1abc588e9d1a04fc7724e897d731137e79150e8d7dc2f08406bf835a0663",
    "network.npz": "706b3446c06b1423579fb659862f40dcc150b4a632fca5bbb32ce37eb2fe8be1",
}
