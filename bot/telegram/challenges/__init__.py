"""Art challenges on Telegram: a wizard and ballots in private, announcements and entries in groups."""
