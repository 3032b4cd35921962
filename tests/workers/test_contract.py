"""Whatever is read is a value of its type or refused with an error of ours, and no error repeats what came."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nst.errors import JobError, UserError
from nst.options import StyleOptions
from workers.contract import VERSION, ContractError, Event, Job, NewerVersionError, Result

JOB = Job(
    job_id="j1",
    frontend="web",
    content="c",
    styles=("s", "t"),
    options=StyleOptions(method="gatys", style_weights=(2.0, 1.0), steps=7),
    reply_to={"chat": "web:1"},
    user="ann",
    clip_types=("image/gif",),
    mask="m",
)
EVENT = Event(job_id="j1", frontend="web", state="running", fraction=0.5, losses={"style": 1.5})
RESULT = Result.failure(JOB, JobError("job_timed_out", {"timeout_s": 60}))
READERS = {type(value): value for value in (JOB, EVENT, RESULT)}

numbers = st.one_of(
    st.integers(), st.sampled_from([10**308, 10**309, -(10**309), 10**4100, 2**53, True]), st.floats(), st.none()
)
values = st.recursive(
    st.one_of(numbers, st.text(max_size=9)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def written(value: Any) -> str:
    """JSON as a hand could write it: numbers of any length, and those that JSON has no word for."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**4000:
        return "9" * 5000
    return "1e999" if value == math.inf else json.dumps(value)


def read(kind: Any, text: str | bytes) -> Any:
    try:
        value = kind.from_json(text)
    except (ContractError, UserError):
        return None
    assert kind.from_json(value.to_json()) == value, "what was read can be written"
    return value


@pytest.mark.parametrize("kind", READERS)
def test_what_is_written_is_read(kind: Any) -> None:
    assert read(kind, READERS[kind].to_json()) == READERS[kind]
    assert read(kind, READERS[kind].to_json().encode()) == READERS[kind]


def test_a_fraction_is_no_way_around_the_longest_whole_number() -> None:
    data = json.loads(READERS[Result].to_json())
    assert read(Result, json.dumps(data | {"width_px": 1e15})).width_px == 10**15
    assert read(Result, json.dumps(data | {"width_px": 1e16})) is None


@pytest.mark.parametrize("kind", READERS)
@given(changes=st.data())
def test_fields_of_any_type(kind: Any, changes: st.DataObject) -> None:
    data = json.loads(READERS[kind].to_json())
    for name in changes.draw(st.sets(st.sampled_from([*data, "surplus"]), min_size=1, max_size=3)):
        data[name] = changes.draw(values)
    read(kind, written(data))


@given(changes=st.dictionaries(st.sampled_from([*StyleOptions.__dataclass_fields__, "surplus"]), values, max_size=3))
def test_options_of_any_type(changes: dict[str, Any]) -> None:
    data = json.loads(JOB.to_json())
    read(Job, written(data | {"options": {**data["options"], **changes}}))


@pytest.mark.parametrize("kind", READERS)
@given(text=st.one_of(st.text(), st.binary(), values.map(written)))
@example(text="[" * 100_000)
@example(text='{"version":1,"job_id":' * 50_000)
@example(text='{"version":[]}')
@example(text='{"version":' + "9" * 5000 + "}")
@example(text='{"version":true,"job_id":"j","frontend":"f","state":"running"}')
def test_anything_at_all(kind: Any, text: str | bytes) -> None:
    assert read(kind, text) is None


@pytest.mark.parametrize("kind", READERS)
def test_half_a_surrogate_pair_is_refused(kind: Any) -> None:
    text = READERS[kind].to_json().replace('"j1"', '"\\ud83d"')
    with pytest.raises(ContractError):
        kind.from_json(text)
    assert kind.from_json(text.replace("\\ud83d", "\\ud83d\\ude00")).job_id == "😀"


@pytest.mark.parametrize("kind", READERS)
def test_errors_name_the_field_and_not_what_is_in_it(kind: Any) -> None:
    secret = "whoever reads the log"  # noqa: S105
    data = json.loads(READERS[kind].to_json())
    said = []
    for name in data.keys() - {"options"}:
        try:
            kind.from_json(json.dumps(data | {name: {"a": [secret]}}))
        except ContractError as error:
            said.append(str(error))
    assert len(said) > 5
    assert not any(secret in words for words in said)


@pytest.mark.parametrize("version", [VERSION + 1, VERSION + 2])
def test_what_a_newer_release_wrote_is_not_called_damaged(version: int) -> None:
    data = json.loads(JOB.to_json()) | {"version": version, "frames": "many"}
    with pytest.raises(NewerVersionError):
        Job.from_json(json.dumps(data))
