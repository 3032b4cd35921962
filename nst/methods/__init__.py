"""One module per method; ``nst.method`` knows them by name and imports them on first use."""
