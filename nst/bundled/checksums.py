"""SHA-256 of the weight files that this version ships; written by `python -m nst.bundled.train`."""

SHA256: dict[str, str] = {
    "extractor.npz": "f6081ac08d16181515b67dff806ed50ec699aeafa4ae5be32a384ec8a7581c67",
    "network.npz": "e07957a9fd4a9e22be81eb92e7ce25209f54955bce032d5eca05658d4cee7426",
}
