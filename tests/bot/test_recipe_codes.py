from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st

from bot.chat.recipe_codes import Kept, Recipe, RecipeCodes
from nst.errors import UserError
from nst.options import StyleOptions
from workers.contract import Job

OPTIONS = StyleOptions(method="gatys", strength=0.7, seed=7, style_weights=(2.0, 1.0))


def test_a_code_leads_back_to_its_recipe_and_asking_twice_gives_the_same(redis_connection: redis.Redis) -> None:
    codes = RecipeCodes(redis_connection)
    recipe = Recipe("content", ("s1", "s2"), ("mosaic", "peacock"), OPTIONS)
    code = codes.keep(recipe, "ann")
    assert re.fullmatch("[a-z2-7]{16}", code), "80 bits, and safe in a deep link"
    assert codes.keep(recipe, "ann") == code
    assert codes.read(f" {code.upper()} ", "ann") == Kept(recipe, own=True)
    assert codes.read(code, "bob") == Kept(recipe, own=False)
    assert codes.keep(Recipe("content", ("s1", "s2"), (), OPTIONS), "ann") != code


def test_a_code_does_not_follow_from_what_a_downloaded_file_says(redis_connection: redis.Redis) -> None:
    codes = RecipeCodes(redis_connection)
    recipe = Recipe("content", ("s1",), (), StyleOptions())
    code = codes.keep(recipe, "ann")
    redis_connection.flushall()
    assert codes.keep(recipe, "ann") != code
    assert codes.keep(recipe, "bob") != codes.keep(recipe, "ann")


def test_a_recipe_of_an_earlier_release_is_its_owners(redis_connection: redis.Redis) -> None:
    recipe = Recipe("content", ("s1",), (), StyleOptions())
    redis_connection.set("pastiche:recipe:abcdefghij", recipe.as_text())
    redis_connection.sadd("pastiche:userrecipes:ann", "abcdefghij")
    codes = RecipeCodes(redis_connection)
    assert codes.read("abcdefghij", "ann") == Kept(recipe, own=True)
    assert codes.read("abcdefghij", "bob") == Kept(recipe, own=False)


def test_a_mask_is_kept_by_its_hash_and_left_out_elsewhere(redis_connection: redis.Redis) -> None:
    codes = RecipeCodes(redis_connection)
    bare = Recipe("content", ("s1",), (), OPTIONS.replace(style_weights=()))
    masked = replace(bare, options=bare.options.replace(region="background"), mask="m")
    assert codes.read(codes.keep(masked, "ann"), "ann").recipe == masked
    assert "mask" not in bare.as_text(), "older recipes keep their codes"
    assert masked.elsewhere() == bare


def test_a_spoiler_stays_with_the_recipe_and_with_another_picture(redis_connection: redis.Redis) -> None:
    codes = RecipeCodes(redis_connection)
    job = Job(job_id="j", frontend="f", content="c", styles=("1",), options=OPTIONS, reply_to={"spoiler": "1"})
    hidden, bare = Recipe.of(job), Recipe.of(replace(job, reply_to={"spoiler": "0"}))
    assert hidden.words.split()[-1] == "seed=7"
    assert "spoiler" in hidden.words.split()
    assert codes.read(codes.keep(hidden, "ann"), "ann").recipe == hidden
    assert hidden.elsewhere().spoiler
    assert "spoiler" not in bare.as_text() + bare.words, "older recipes keep their codes"


def test_an_unknown_code_is_named(redis_connection: redis.Redis) -> None:
    with pytest.raises(UserError, match="recipe_unknown"):
        RecipeCodes(redis_connection).read("nosuchcode", "ann")


@pytest.mark.parametrize(("label", "presets"), [("mosaic peacock", ("mosaic", "peacock")), ("mosaic", ()), ("", ())])
def test_presets_are_named_only_where_all_styles_are_presets(label: str, presets: tuple[str, ...]) -> None:
    job = Job(job_id="j", frontend="f", content="c", styles=("1", "2"), options=OPTIONS, style_label=label)
    assert Recipe.of(job).presets == presets


values = st.recursive(
    st.one_of(st.integers(), st.sampled_from([10**309, "\ud800"]), st.floats(), st.none(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ("content", "styles", "presets", "options", "mask", "surplus")


@given(
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=3),
    st.dictionaries(st.sampled_from(["seed", "steps", "strength", "style_weights"]), values),
)
@example({}, {"seed": 10**309})
@example({}, {"strength": 10**309})
def test_a_file_may_have_any_recipe(changes: dict[str, Any], options: dict[str, Any]) -> None:
    whole = json.loads(Recipe("c", ("s",), (), StyleOptions()).as_text()) | {"options": options} | changes
    try:
        recipe = Recipe.from_text(json.dumps(whole))
    except UserError:
        return
    assert Recipe.from_text(recipe.as_text()) == recipe
    recipe.as_text().encode()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"options":' * 50_000, "{}", "[]", "9" * 5000, "NaN", b"\xff"])
def test_a_file_may_have_anything_in_a_recipes_place(text: str | bytes) -> None:
    with pytest.raises(UserError, match="recipe_unknown"):
        Recipe.from_text(text)
