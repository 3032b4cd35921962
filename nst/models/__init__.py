"""Models: where they come from, fetching them, what is here."""
