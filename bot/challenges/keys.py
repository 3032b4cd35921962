"""Names of what challenges keep in Redis; docs/challenges.md has the table."""

from __future__ import annotations

DUE = "pastiche:challenges:due"  # sorted set: "{id}|{moment}" by Unix time


def challenge(challenge_id: str) -> str:
    """Hash: data, state, version, until, allowance, round, rows."""
    return f"pastiche:challenge:{challenge_id}"


def entries(challenge_id: str) -> str:
    """Hash: entry → JSON."""
    return f"pastiche:challenge:{challenge_id}:entries"


def makers(challenge_id: str) -> str:
    """Hash: user → ids of their entries that count, with a space between."""
    return f"pastiche:challenge:{challenge_id}:makers"


def looks(challenge_id: str) -> str:
    """Hash: entry → perceptual hash."""
    return f"pastiche:challenge:{challenge_id}:looks"


def ballot(challenge_id: str, vote_round: int) -> str:
    """Hash: entry → its maker; only what may be voted for."""
    return f"pastiche:challenge:{challenge_id}:ballot:{vote_round}"


def votes(challenge_id: str, vote_round: int) -> str:
    """Hash: voter → ids of the entries they voted for, with a space between."""
    return f"pastiche:challenge:{challenge_id}:votes:{vote_round}"


def recent(challenge_id: str) -> str:
    """List: the last votes as "time entry", newest first."""
    return f"pastiche:challenge:{challenge_id}:recent"


def flags(challenge_id: str) -> str:
    """List: what moderators should look at, oldest first."""
    return f"pastiche:challenge:{challenge_id}:flags"


def log(challenge_id: str) -> str:
    """List: what moderators did, oldest first."""
    return f"pastiche:challenge:{challenge_id}:log"


def history(challenge_id: str) -> str:
    """List: "time state" of every state it came to, oldest first."""
    return f"pastiche:challenge:{challenge_id}:history"


def results(challenge_id: str) -> str:
    """How it ended, JSON."""
    return f"pastiche:challenge:{challenge_id}:results"


def of_chat(chat: str) -> str:
    """Sorted set: ids of a chat's challenges by when it joined."""
    return f"pastiche:challenges:chat:{chat}"


def of_user(user: str) -> str:
    """Set: ids of the challenges that somebody made, entered or voted in."""
    return f"pastiche:challenges:user:{user}"


def seen(user: str) -> str:
    """Hash: chat → when somebody was first seen there."""
    return f"pastiche:challenges:seen:{user}"


def moved(chat: str) -> str:
    """The key that a chat had before."""
    return f"pastiche:challenges:moved:{chat}"


def code(word: str) -> str:
    """The challenge that an invitation is for."""
    return f"pastiche:challenges:code:{word}"


def announcement(challenge_id: str, event: str, chat: str) -> str:
    """Hash: one announcement and what became of it."""
    return f"pastiche:announcement:{challenge_id}:{event}:{chat}"


def waiting(platform: str) -> str:
    """Sorted set: a platform's chats with something to post, by when to look."""
    return f"pastiche:announcements:{platform}"


def line(platform: str, chat: str) -> str:
    """List: keys of a chat's announcements, in order."""
    return f"pastiche:announcements:{platform}:{chat}"
