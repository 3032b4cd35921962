"""Opening recipes: typed as a code, or out of a picture's file.

A code is given away on purpose, so it opens what it opens in the chats: also the recipe's own pictures, as long as
they are kept. A file may be anybody's, with hashes that anybody wrote into it: from a file only those pictures are
taken that this session may see already.
"""

from __future__ import annotations

import asyncio

from bot.recipe_codes import Recipe
from bot.recipe_files import recipe_in
from bot.texts import say
from bot.web.bench import Bench
from bot.web.composer import reset_file_inputs
from bot.web.throttle import RECIPES
from bot.web.visit import Visit
from nst.errors import JobError, UserError


class Recipes:
    """The recipes' part of one visit.

    Args:
        visit: Whose.
    """

    bench: Bench

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._studio = visit.studio

    async def open_code(self, code: str) -> None:
        """A code was typed."""
        async with self._visit.boundary("recipe"):
            await asyncio.to_thread(self._studio.throttle.take, RECIPES, self._visit.user, self._visit.address)
            recipe = await asyncio.to_thread(self._studio.recipes.read, code[:40])
            kept = [digest for digest in recipe.pictures if await self._is_kept(digest)]
            await asyncio.to_thread(self._studio.album.let_see, self._visit.user, *kept)
            self._fill(recipe, set(kept))

    async def open_file(self, digest: str) -> None:
        """A picture's file was sent, to be read and not to be painted."""
        async with self._visit.boundary("recipe"):
            reset_file_inputs()
            album, user = self._studio.album, self._visit.user
            if not await asyncio.to_thread(album.may_see, user, digest):
                raise UserError("image_missing")
            recipe = await asyncio.to_thread(recipe_in, await self._studio.service.picture(digest))
            seen = [one for one in recipe.pictures if await asyncio.to_thread(album.may_see, user, one)]
            self._fill(recipe, {one for one in seen if await self._is_kept(one)})

    async def _is_kept(self, digest: str) -> bool:
        try:
            await self._studio.service.picture(digest)
        except JobError:
            return False
        return True

    def _fill(self, recipe: Recipe, pictures: set[str]) -> None:
        """Set the form.

        Args:
            recipe: What was opened.
            pictures: Hashes that this session may use.
        """
        bench, language = self.bench, self._visit.language
        bench.complain("", "recipe")
        by_name = recipe.presets and all(name in self._studio.presets for name in recipe.presets)
        styles = recipe.presets if by_name else [digest for digest in recipe.styles if digest in pictures]
        whole = len(styles) == len(recipe.styles)
        if bench.content not in ("", recipe.content) or recipe.mask not in pictures | {""}:
            recipe = recipe.elsewhere()
        bench.fill(styles if whole else (), recipe.options, recipe.mask)
        if not bench.content and recipe.content in pictures:
            bench.show_content(recipe.content)
        bench.announce(say("playground.recipe_opened" if whole else "playground.recipe_no_style", language))
