"""How long people wait with so many workers, and what binds first: ``make scale``, docs/scale.md."""
