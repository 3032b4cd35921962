"""The Telegram frontend: one adapter that holds nothing but Telegram."""

import os

os.environ.setdefault("PTB_TIMEDELTA", "true")  # python-telegram-bot's coming way to say how long
