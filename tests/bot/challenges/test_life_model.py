"""Random lives of a challenge, with crashes, against a model that is too simple to be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.challenges import keys
from bot.challenges.entry import Status
from bot.challenges.forgetting import forget_in_challenges
from bot.challenges.model import ARCS, FINISHED, RUNNING, VOTABLE, Scoring, State
from bot.challenges.scoring import read_tally
from nst.errors import PasticheError
from tests.bot.challenges.conftest import GROUP, NO_RULES, SERVER, World

USERS = st.sampled_from([f"{platform}:{name}" for platform in ("discord", "telegram") for name in "abc"])
PLACES = st.integers(0, 7)
ALLOWED, ENTRIES = 2, 2


def attempt(call: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    """What a call returns, and the code with which it was refused, or ""."""
    try:
        return call(*args), ""
    except PasticheError as error:
        return None, error.code


class Life(RuleBasedStateMachine):
    """One challenge; ``self.votes`` and ``self.posted`` are what people would remember."""

    def __init__(self, connection: redis.Redis) -> None:
        super().__init__()
        connection.flushall()
        self.redis, self.world = connection, World(connection)
        self.makers: dict[str, str] = {}  # entry → who made it
        self.out: set[str] = set()  # entries that were taken out
        self.pending: dict[str, int] = {}
        self.votes: dict[int, dict[str, set[str]]] = {1: {}, 2: {}}
        self.posted: Counter[tuple[str, str]] = Counter()  # as people see it in their chats
        self.seed = self.forgotten = 0

    @initialize(
        review=st.booleans(),
        scoring=st.sampled_from(list(Scoring)),
        start=st.sampled_from(["draft", "open", "voting", "run_off"]),
    )
    def create(self, review: bool, scoring: Scoring, start: str) -> None:
        """It begins at different points, so that all of its life is seen in few steps."""
        rules = {"entries_per_person": ENTRIES, "votes_per_person": ALLOWED, "rules": NO_RULES, "voting_hours": 96}
        plan = self.world.plan(review=review, scoring=scoring, **rules)
        self.name = self.world.core.life.create(plan, SERVER, self.world.maker).challenge_id
        self.chief = self.world.person("telegram:chief", GROUP, manages=True)
        if start != "draft":
            self.join()
            self.open()
        if start in {"voting", "run_off"}:
            for user in ("discord:a", "telegram:a", "telegram:b"):
                self.submit(user, True, False)
            self.deadline(48, 1)
            self.deadline(24 * review, 1)
        if start == "run_off":
            for place, user in enumerate(("discord:c", "telegram:c")):
                self._click(user, place, False)
            self.deadline(96, 1)
            assert self.state is State.RUN_OFF

    @property
    def state(self) -> State:
        return self.world.core.life.read(self.name).state

    @property
    def round(self) -> int:
        return 2 if b"run_off" in b" ".join(self.history()) else 1

    def history(self) -> list[bytes]:
        return cast("list[bytes]", self.redis.lrange(keys.history(self.name), 0, -1))

    def entries(self) -> list[str]:
        """Those in play, by time: names differ from run to run."""
        return [name for name in self.makers if name not in self.out]

    @precondition(lambda self: self.state is State.DRAFT)
    @rule()
    def open(self) -> None:
        _, refusal = attempt(self.world.core.life.open, self.name, self.world.maker)
        assert refusal in {"", "challenge_closed"}

    @precondition(lambda self: self.state in {State.DRAFT, State.OPEN})
    @rule()
    def join(self) -> None:
        code = self.world.core.life.invite(self.name, self.world.maker)
        self.world.core.life.join(code, GROUP, self.chief)
        assert attempt(self.world.another().life.join, code, GROUP, self.chief)[1] == "challenge_code_unknown"

    @precondition(lambda self: self.state is State.OPEN)
    @rule(user=USERS, finished=st.booleans(), instead=st.booleans())
    def submit(self, user: str, finished: bool, instead: bool) -> None:
        self.seed += 1
        job_id = self.world.job(user, self.seed)
        if finished:
            self.world.finish(job_id, self.seed)
        own = [name for name in self.entries() if self.makers[name] == user]
        replaced = own[0] if instead and own else ""
        here = self.world.core.life.read(self.name).chat(self.world.person(user).chat)
        late = self.world.now_s >= self.world.core.life.read(self.name).until_s
        entry, refusal = attempt(self.world.core.entries.submit, self.name, job_id, self.world.person(user), replaced)
        if refusal:
            assert refusal == ("challenge_not_here" if here is None else "challenge_closed" if late else "entry_limit")
            assert here is None or late or (len(own) >= ENTRIES and not replaced) or self._disqualified(user)
            return
        self.makers[entry.entry_id] = user
        if not finished:
            self.pending[job_id] = self.seed
        if replaced:
            self.out.add(replaced)

    def _disqualified(self, user: str) -> bool:
        rows = self.world.core.entries.of_person(self.name, user)
        return any(row.status is Status.DISQUALIFIED for row in rows)

    @precondition(lambda self: self.pending)
    @rule(done=st.booleans())
    def finish(self, done: bool) -> None:
        job_id, seed = self.pending.popitem()
        self.world.finish(job_id, seed, "done" if done else "failed")

    @precondition(lambda self: self.state is State.OPEN and self.entries())
    @rule(place=PLACES)
    def withdraw(self, place: int) -> None:
        name = self.entries()[place % len(self.entries())]
        person = self.world.person(self.makers[name])
        _, refusal = attempt(self.world.core.entries.withdraw, self.name, name, person)
        if refusal:
            assert refusal in {"entry_unknown", "challenge_closed"}  # it failed meanwhile, or it is late
        else:
            self.out.add(name)

    @precondition(lambda self: self.state in VOTABLE and self.entries())
    @rule(clicks=st.lists(st.tuples(USERS, PLACES), min_size=1, max_size=8))
    def vote(self, clicks: list[tuple[str, int]]) -> None:
        for user, place in clicks:
            self._click(user, place, False)

    @precondition(lambda self: self.state in VOTABLE and self.entries())
    @rule(user=USERS, place=PLACES)
    def revoke(self, user: str, place: int) -> None:
        self._click(user, place, True)

    def _click(self, user: str, place: int, revoke: bool) -> None:
        name = self.entries()[place % len(self.entries())]
        votes = self.world.core.votes
        mine = self.votes[self.round].setdefault(user, set())
        valid = mine - self.out
        click = votes.revoke if revoke else votes.vote
        choice, refusal = attempt(click, self.name, name, self.world.person(user))
        allowed = 1 if self.round == 2 else ALLOWED
        if refusal == "vote_own_entry":
            assert self.makers[name] == user
        elif refusal == "vote_limit":
            assert len(valid) >= allowed
        elif refusal:
            assert refusal in {"entry_unknown", "voting_closed", "challenge_not_here"}
        if refusal:
            return
        (mine.discard if revoke else mine.add)(name)
        assert set(choice.chosen) == mine - self.out

    @precondition(lambda self: self.state in RUNNING and self.entries())
    @rule(place=PLACES)
    def disqualify(self, place: int) -> None:
        name = self.entries()[place % len(self.entries())]
        _, refusal = attempt(self.world.core.moderation.disqualify, self.name, name, "because", self.world.maker)
        if refusal:
            assert refusal == "entry_unknown"  # it failed meanwhile
        else:
            self.out.add(name)

    @rule(user=USERS)
    def forget(self, user: str) -> None:
        running = self.round if self.state in VOTABLE else 0
        forget_in_challenges(self.redis, user)
        if self.state in RUNNING:
            self.out |= {name for name, maker in self.makers.items() if maker == user}
        self.makers = {name: "" if maker == user else maker for name, maker in self.makers.items()}
        for vote_round, votes in self.votes.items():
            mine = votes.pop(user, set())
            if vote_round != running:  # counted already, and by nobody's name from now on
                self.forgotten += 1
                votes[f"nobody {self.forgotten}"] = mine

    @rule(hours=st.sampled_from([0.1, 1.0, 12.0, 24.0]), ticks=st.integers(0, 2))
    def deadline(self, hours: float, ticks: int) -> None:
        self.world.now_s += hours * 3600
        for _ in range(ticks):
            self.world.another().clock.tick()

    @rule(platform=st.sampled_from(["discord", "telegram"]), killed=st.sampled_from(["", "before", "after"]))
    def post(self, platform: str, killed: str) -> None:
        """One announcement; the poster may be killed before its post or between post and note."""
        outbox = self.world.another().announcements
        outbox.resume(platform)
        found = outbox.claim(platform)
        if found is None or killed == "before":
            return
        seen = (found.event, found.chat.key)
        if not (found.redelivered and self.posted[seen]):  # the adapter looks before it posts again
            self.posted[seen] += 1
        if killed != "after":
            outbox.posted(found, "m")

    @precondition(lambda self: self.state in RUNNING)
    @rule(sure=st.integers(0, 3))
    def moderator_ends_the_phase(self, sure: int) -> None:
        if sure == 0:  # else all others would have too little time
            self.world.core.life.end_phase(self.name, self.world.maker)

    @rule()
    def crash_and_restart(self) -> None:
        self.world.core = self.world.another()
        self.world.core.clock.tick()

    @invariant()
    def no_vote_is_counted_twice_or_for_oneself(self) -> None:
        for vote_round in (1, 2):
            rows = cast("dict[bytes, bytes]", self.redis.hgetall(keys.votes(self.name, vote_round)))
            tally = read_tally(self.redis, self.name, vote_round)
            on_ballot = set(tally.votes)
            expected: Counter[str] = Counter()
            for voter, row in rows.items():
                chosen = row.decode().split()
                assert len(chosen) == len(set(chosen))
                valid = set(chosen) & on_ballot
                assert len(valid) <= (1 if vote_round == 2 else ALLOWED)
                assert all(self.makers[name] != voter.decode() for name in chosen)
                expected.update(valid)
            remembered = Counter(name for mine in self.votes[vote_round].values() for name in mine & on_ballot)
            assert remembered == expected == Counter({name: tally.of(name) for name in on_ballot if tally.of(name)})

    @invariant()
    def no_state_is_skipped(self) -> None:
        states = [State(line.decode().split()[1]) for line in self.history()]
        assert states[0] is State.DRAFT
        assert states[-1] is self.state
        assert all(after in ARCS[before] for before, after in pairwise(states))

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert not self.posted or max(self.posted.values()) == 1

    def teardown(self) -> None:
        """Everything comes to its end, and was told to each chat as often as it happened."""
        if not hasattr(self, "name"):
            return
        for _ in range(12):
            self.world.wait(400)
            for platform in ("discord", "telegram"):
                while True:
                    before = sum(self.posted.values())
                    self.post(platform, "")
                    if sum(self.posted.values()) == before and not self.redis.exists(keys.waiting(platform)):
                        break
        self.no_vote_is_counted_twice_or_for_oneself()
        self.no_state_is_skipped()
        self.nothing_is_told_twice()
        assert self.state in {State.ARCHIVED, State.CANCELLED}
        assert self.redis.zcard(keys.DUE) == 0
        happened = Counter(line.decode().split()[1] for line in self.history())
        for chat in self.world.core.life.read(self.name).chats:
            told = Counter(event.partition(".")[0] for event, where in self.posted if where == chat.key)
            for kind in ("voting", "run_off", "results"):
                assert told[kind] == happened[kind]
            assert told["opened"] == (State.OPEN in happened)
        if self.state in FINISHED:
            placed = {one.entry.entry_id: one for one in self.world.core.gallery.results(self.name).placed}
            tally = read_tally(self.redis, self.name, 1)
            assert all(placed[name].votes == tally.of(name) for name in tally.votes)


def test_a_challenge_whatever_happens(redis_connection: redis.Redis) -> None:
    few = settings(
        max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(lambda: Life(redis_connection), settings=few)  # type: ignore[arg-type] # a factory is fine
