"""Art challenges on Discord: ``/challenge``, entering, private ballots, galleries, announcements.

The core (``bot.challenges``) decides everything; these rooms tell it who acts and show what it says.
``herald`` is the one that speaks without being asked.
"""
