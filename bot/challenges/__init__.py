"""Community art challenges: the platform-neutral core. docs/challenges.md says how it looks from outside.

``challenges.Challenges`` is the one thing an adapter makes; its rooms are the use cases. All of it
is synchronous and quick: an asynchronous frontend calls it in a thread.
"""
