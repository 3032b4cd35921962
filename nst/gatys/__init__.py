"""Optimisation of the picture itself (Gatys et al. 2016)."""
