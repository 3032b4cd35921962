"""Arbitrary stylization in one pass (Ghiasi et al. 2017, arXiv:1705.06830)."""
