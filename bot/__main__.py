"""``python -m bot`` is ``pastiche``."""

from bot.cli import main

main()
