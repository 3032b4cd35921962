"""The Telegram frontend: one adapter that holds nothing but Telegram."""
