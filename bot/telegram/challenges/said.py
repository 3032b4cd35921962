"""What this room tells people that is no error of the whole project's."""

from __future__ import annotations


class SaidError(Exception):
    """Something that the user is told.

    Args:
        name: Of the sentence, in the catalogue's table ``telegram_challenge``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
