"""Short codes for recipes: what was done to a picture, to be done again to the same or another one.

A code is random: whoever has it was given it. It opens style and options to everybody, and the recipe's own
photograph only where ``bot.chat.access`` says so. Asked for twice, a recipe has the same code. Recipes of presets live
for 30 days; those with somebody's own style picture as long as that picture is kept.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any, cast

import redis

from bot.chat.recipe_words import format_style_command
from bot.chat.spoilers import is_hidden
from nst.errors import UserError
from nst.options import StyleOptions
from workers.contract import ContractError, Job, fill, read_object
from workers.store import keys

_TTL_S = 30 * 86_400
_CODE_BYTES = 10  # sixteen letters and digits: nobody finds one by trying


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a result but the pictures themselves.

    Attributes:
        content: Blob hash of the content image; "" where it was somebody else's.
        styles: Blob hashes of the style images.
        presets: Their names, where all of them are presets.
        options: What was chosen.
        mask: Blob hash of the mask, or "".
        spoiler: Whether what comes of it is hidden, as what it was read from.
    """

    content: str
    styles: tuple[str, ...]
    presets: tuple[str, ...]
    options: StyleOptions
    mask: str = ""
    spoiler: bool = False

    @classmethod
    def of(cls, job: Job) -> Recipe:
        """The recipe of a job."""
        names = tuple(job.style_label.split())
        presets = names if len(names) == len(job.styles) else ()
        return cls(job.content, job.styles, presets, job.options, job.mask, is_hidden(job))

    @property
    def words(self) -> str:
        """The recipe in words, as ``/style`` reads them."""
        return format_style_command(self.presets, self.options, self.spoiler)

    @property
    def pictures(self) -> tuple[str, ...]:
        """Blob hashes of all that it was made of."""
        return tuple(filter(None, (self.content, *self.styles, self.mask)))

    def elsewhere(self) -> Recipe:
        """The recipe for another picture, where the mask means nothing: all of it is painted."""
        return replace(self, mask="", options=self.options.replace(region="everything"))

    def as_text(self) -> str:
        """Compact JSON; the same recipe has the same text."""
        data: dict[str, Any] = {
            "content": self.content,
            "styles": list(self.styles),
            "presets": list(self.presets),
            "options": self.options.as_dict(),
        }
        data |= ({"mask": self.mask} if self.mask else {}) | ({"spoiler": True} if self.spoiler else {})
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str | bytes) -> Recipe:
        """The inverse of ``as_text``; the text may be anybody's.

        Raises:
            UserError: ``recipe_unknown`` or what ``StyleOptions`` says.
        """
        try:
            data = read_object(text)
            return fill(cls, data | {"options": StyleOptions.from_dict(data["options"])})
        except (ContractError, KeyError):
            raise UserError("recipe_unknown", {"received": "-"}) from None


@dataclass(frozen=True)
class Kept:
    """A recipe as it was kept.

    Attributes:
        recipe: What was done.
        own: Whether it is theirs who opens it.
    """

    recipe: Recipe
    own: bool


class RecipeCodes:
    """Recipes by code in Redis; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def keep(self, recipe: Recipe, owner: str) -> str:
        """Store a recipe.

        Args:
            recipe: What was done.
            owner: Opaque key of the user whose picture it was done to: ``forget`` is theirs to say.

        Returns:
            Its code: sixteen letters and digits.
        """
        text = recipe.as_text()
        name, code = _known(text, owner), base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
        self._connection.set(name, code, nx=True, ex=_TTL_S)
        found = cast("bytes | None", self._connection.get(name))
        code = found.decode() if found else code
        with self._connection.pipeline() as pipe:
            pipe.set(_recipe(code), text, ex=_TTL_S)
            pipe.expire(name, _TTL_S)
            pipe.sadd(_of(owner), code)
            pipe.expire(_of(owner), _TTL_S)
            pipe.execute()
        return code

    def forget(self, owner: str) -> int:
        """Delete the recipes of a user's pictures: their hashes would tell that they were here.

        Returns:
            How many there were.
        """
        codes = [code.decode() for code in cast("set[bytes]", self._connection.smembers(_of(owner)))]
        texts = cast("list[bytes | None]", self._connection.mget(map(_recipe, codes))) if codes else []
        known = [_known(text.decode(), owner) for text in texts if text]
        self._connection.delete(_of(owner), *map(_recipe, codes), *known)
        return len(codes)

    def read(self, code: str, user: str) -> Kept:
        """The recipe for a code.

        Args:
            code: As somebody typed it.
            user: Who opens it.

        Raises:
            UserError: ``recipe_unknown``.
        """
        code = code.strip().lower()
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.get(_recipe(code))
            pipe.sismember(_of(user), code)
            text, own = cast("tuple[bytes | None, bool]", pipe.execute())
        if not text:
            raise UserError("recipe_unknown", {"received": code[:40]})
        return Kept(Recipe.from_text(text), bool(own))


def _of(owner: str) -> str:
    return f"pastiche:userrecipes:{owner}"


def _known(text: str, owner: str) -> str:
    """Where the code is noted that a recipe has already."""
    return f"pastiche:recipecode:{keys.fingerprint(owner, text)}"


def _recipe(code: str) -> str:
    return f"pastiche:recipe:{code}"
