"""Optimal transport between patches (GPDM, Elnekave and Weiss 2022)."""
