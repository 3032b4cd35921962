"""Networks of the project's own, small enough to ship: style transfer with no download."""
