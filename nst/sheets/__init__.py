"""Sheets of many results: a study, a comparison, samples, an explanation."""
