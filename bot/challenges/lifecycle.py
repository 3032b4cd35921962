"""A challenge's life in the hands of its moderators: make it, open it, let others join, end it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from bot.challenges import keys, phases
from bot.challenges.announcements import announce, tell
from bot.challenges.membership import Seen
from bot.challenges.model import DAY_S, RUNNING, Challenge, Chat, Person, Plan, State
from bot.challenges.moderation import log_line
from bot.challenges.pictures import Pictures
from bot.challenges.rules import MOST_DRAFTS, check_manager, checked
from bot.challenges.store import Change, Store, index_user
from bot.presets.catalogue import Preset
from nst.errors import UserError
from workers.store.blobs import blob_hash

CODE_TTL_S = DAY_S
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_NAME_LENGTH = 8
_TRIES = 20
_OPEN_TO_CHATS = frozenset({State.DRAFT, State.OPEN})


class Life:
    """Use cases of those who run challenges.

    Args:
        store: Where they are.
        pictures: Where a given style picture is kept.
        seen: Who was seen where.
        presets: All presets by name.
        now_s: The time.
    """

    def __init__(
        self,
        store: Store,
        pictures: Pictures,
        seen: Seen,
        presets: Mapping[str, Preset],
        now_s: Callable[[], float],
    ) -> None:
        self._store, self._pictures, self._seen = store, pictures, seen
        self._presets, self._now_s = presets, now_s

    def create(self, plan: Plan, chat: Chat, manager: Person) -> Challenge:
        """Make a draft.

        Args:
            plan: What it is to be.
            chat: Where it is at home.
            manager: Who makes it; hears of flags.

        Raises:
            UserError: ``not_a_manager``, ``not_a_person``, ``option_out_of_range``, ``style_unknown``, ``draft_limit``
                or ``image_*``.
            BusyError: ``bytes_limited`` or ``store_full``: for the style picture.
        """
        check_manager(manager)
        self._check_drafts(manager.user)
        now_s, name = self._now_s(), _name()
        home = replace(chat, joined_at_s=now_s)
        challenge = Challenge(
            challenge_id=name,
            created_by=manager.user,
            created_at_s=now_s,
            changed_at_s=now_s,
            chats=(home,),
            **self._planned(plan, name, manager.user),
        )
        change = Change()
        phases.create(change, challenge)
        _index(change, challenge.challenge_id, home.key, now_s)
        index_user(change, manager.user, challenge.challenge_id)
        with self._undone(name, challenge.style_kept):
            if not self._store.commit(change):  # the name is taken: one in 10¹²
                raise UserError("challenge_changed")
        return challenge

    def revise(self, challenge_id: str, plan: Plan, manager: Person) -> Challenge:
        """Change a draft.

        Raises:
            UserError: As ``create``; ``challenge_unknown``, ``challenge_closed``.
            BusyError: As ``create``.
        """
        before = self._store.challenge(challenge_id)
        check_manager(manager, before)
        _check_state(before, {State.DRAFT})
        planned = self._planned(plan, challenge_id, manager.user)
        given = planned.get("style_kept", "")
        with self._undone(challenge_id, given if given != before.style_kept else ""):
            after = self._change(challenge_id, manager, {State.DRAFT}, lambda found, _: found.changed(**planned))
        if after.style_kept != before.style_kept:
            self._pictures.forget(challenge_id, before.style_kept)
        return after

    def open(self, challenge_id: str, manager: Person) -> Challenge:
        """Let the entries begin, and tell the chats.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_closed`` or ``not_a_manager``.
        """

        def opened(found: Challenge, now_s: float) -> Challenge:
            return found.to(State.OPEN, now_s, found.closes_at_s, opened_at_s=now_s)

        return self._change(challenge_id, manager, {State.DRAFT}, opened, "opened")

    def cancel(self, challenge_id: str, manager: Person, state: State | None = None) -> Challenge:
        """End it without results; the chats are told unless it was a draft.

        Args:
            challenge_id: Which.
            manager: Who says so.
            state: Only while it stands there: what they saw when they said so. None for any.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_closed`` or ``not_a_manager``.
        """
        states = {State.DRAFT, *RUNNING} & ({state} if state else set(State))
        after = self._change(
            challenge_id, manager, states, lambda found, now_s: found.to(State.CANCELLED, now_s), "cancelled"
        )
        self._pictures.forget(challenge_id, after.style_kept)
        return after

    def end_phase(self, challenge_id: str, manager: Person, state: State | None = None) -> Challenge:
        """End what runs now; the clock takes the next step at its next tick.

        Args:
            challenge_id: Which.
            manager: Who says so.
            state: The phase that they mean, so that saying so twice does not end two; None for any.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_closed`` or ``not_a_manager``.
        """

        def ended(found: Challenge, now_s: float) -> Challenge:
            closes_s = min(now_s, found.closes_at_s)
            return found.changed(until_s=now_s, closes_at_s=closes_s, changed_at_s=now_s)

        return self._change(challenge_id, manager, RUNNING & ({state} if state else set(State)), ended)

    def invite(self, challenge_id: str, manager: Person) -> str:
        """A code by which one more chat joins, once, within a day.

        Raises:
            UserError: ``challenge_unknown``, ``challenge_closed`` or ``not_a_manager``.
        """
        challenge = self._store.challenge(challenge_id)
        check_manager(manager, challenge)
        _check_state(challenge, _OPEN_TO_CHATS)
        code = _name()
        self._store.redis.set(keys.code(code), challenge_id, ex=CODE_TTL_S)
        return code

    def join(self, code: str, chat: Chat, manager: Person) -> Challenge:
        """Bring a challenge to one more chat; a chat that takes part already uses the code up, too.

        Args:
            code: From ``invite``.
            chat: The new chat.
            manager: Who manages it.

        Raises:
            UserError: ``challenge_code_unknown``, ``challenge_closed``, ``not_a_manager`` or ``not_a_person``.
        """
        check_manager(manager)
        code = code.strip().lower()
        for _ in range(_TRIES):
            challenge = self._invited(code)
            _check_state(challenge, _OPEN_TO_CHATS)
            now_s, change = self._now_s(), Change()
            change.check(keys.code(code), "", challenge.challenge_id)
            joining = replace(chat, joined_at_s=now_s)
            here = challenge.chat(chat.key) is not None
            after = challenge.changed(chats=challenge.chats if here else (*challenge.chats, joining))
            phases.turn(change, challenge, after)
            change.write("DEL", keys.code(code))
            _index(change, after.challenge_id, chat.key, now_s)
            if after.state is State.OPEN and not here:
                tell(change, after, joining, now_s, "opened")
            if self._store.commit(change):
                return after
        raise UserError("challenge_changed")

    def read(self, challenge_id: str) -> Challenge:
        """A challenge as it stands.

        Raises:
            UserError: ``challenge_unknown``.
        """
        return self._store.challenge(challenge_id)

    def in_chat(self, chat: str, states: Collection[State] = RUNNING) -> list[Challenge]:
        """A chat's challenges that are in one of the states, the last to come first."""
        return [challenge for challenge in self._store.in_chat(chat) if challenge.state in states]

    def move_chat(self, platform: str, old_id: str, new_id: str) -> None:
        """A chat goes on under another id: its challenges follow."""
        old, new = f"{platform}:{old_id}", f"{platform}:{new_id}"
        for challenge in self.in_chat(old, set(State)):
            for _ in range(_TRIES):
                found = self._store.challenge(challenge.challenge_id)
                chats = tuple(replace(chat, chat_id=new_id) if chat.key == old else chat for chat in found.chats)
                change = Change()
                phases.turn(change, found, found.changed(chats=chats))
                _index(change, found.challenge_id, new, found.created_at_s)
                change.write("ZREM", keys.of_chat(old), found.challenge_id)
                if self._store.commit(change):
                    break
        self._seen.move(old, new)

    def saw(self, chat: str, user: str) -> None:
        """Note that somebody was seen in a chat; only the first time counts."""
        self._seen.note(chat, user)

    def _check_drafts(self, user: str) -> None:
        found = self._store.find_all(self._store.members(keys.of_user(user)))
        drafts = [one for one in found if one.created_by == user and one.state is State.DRAFT]
        if len(drafts) >= MOST_DRAFTS:
            raise UserError("draft_limit", {"allowed": MOST_DRAFTS})

    @contextmanager
    def _undone(self, challenge_id: str, picture: str) -> Iterator[None]:
        """What is not written keeps no picture for half a year."""
        try:
            yield
        except BaseException:
            self._pictures.forget(challenge_id, picture)
            raise

    def _planned(self, plan: Plan, challenge_id: str, giver: str) -> dict[str, Any]:
        """The plan's fields of a challenge; the given style by its hash."""
        planned = checked(plan, self._presets, self._now_s())
        if plan.style_preset:
            picture = self._presets[plan.style_preset].picture.read_bytes()
            planned |= {"style": blob_hash(picture), "style_label": plan.style_preset}
        elif plan.style_picture:
            small = self._pictures.reduced(plan.style_picture)
            kept = self._pictures.keep(challenge_id, "style", small, giver)
            shown = {"style_shown": blob_hash(small), "style_kept": kept, "style_by": giver}
            planned |= {"style": blob_hash(plan.style_picture), "style_spoiler": plan.style_spoiler, **shown}
        return planned

    def _invited(self, code: str) -> Challenge:
        found = cast("bytes | None", self._store.redis.get(keys.code(code)))
        challenge = self._store.find(found.decode()) if found else None
        if challenge is None:
            raise UserError("challenge_code_unknown")
        return challenge

    def _change(
        self,
        challenge_id: str,
        manager: Person,
        states: Collection[State],
        step: Callable[[Challenge, float], Challenge],
        event: str = "",
    ) -> Challenge:
        """One step, decided anew as often as somebody else is faster."""
        for _ in range(_TRIES):
            challenge = self._store.challenge(challenge_id)
            check_manager(manager, challenge)
            _check_state(challenge, states)
            now_s, change = self._now_s(), Change()
            after = step(challenge, now_s)
            phases.turn(change, challenge, after)
            log_line(change, challenge_id, now_s, manager.user, event or f"{challenge.state}.changed")
            if event == "opened" or (event and challenge.state is not State.DRAFT):
                announce(change, after, now_s, event)
            if self._store.commit(change):
                return after
        raise UserError("challenge_changed")


def _check_state(challenge: Challenge, states: Collection[State]) -> None:
    if challenge.state not in states:
        raise UserError("challenge_closed", {"theme": challenge.theme})


def _index(change: Change, challenge_id: str, chat: str, now_s: float) -> None:
    change.write("ZADD", keys.of_chat(chat), now_s, challenge_id)


def _name() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_NAME_LENGTH))
