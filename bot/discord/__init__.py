"""The Discord frontend: slash commands, context menus, mentions and buttons, and nothing but Discord.

The way in is ``intake`` (from an interaction to a job), the way out is ``courier`` (from a result to
a message); ``posting`` is the one place that knows how a message is written.
"""
