"""Opening recipes: typed as a code, or out of a picture's file.

A code opens what it opens in the chats: style and options, and the recipe's own pictures for those whose they are.
Somebody else's style picture can be painted with, and not looked at. A file may be anybody's, with hashes that anybody
wrote into it: from a file only those pictures are taken that this session may see already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

from bot.chat.access import Viewer
from bot.chat.recipe_codes import Recipe
from bot.chat.recipe_files import recipe_in
from bot.texts import say
from bot.web.form.playground import Bench
from bot.web.form.studio import reset_file_inputs
from bot.web.page_context import Visit
from bot.web.protection.throttle import RECIPES
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
            user, shown = self._visit.user, self._studio.album.shown
            found = await asyncio.to_thread(self._studio.recipes.read, code[:40], user)
            kept = {digest for digest in found.recipe.pictures if await self._is_kept(digest)}
            viewer = Viewer(user=user, place=user)
            if await asyncio.to_thread(self._studio.access.opened, viewer, found):
                await asyncio.to_thread(shown.note, user, *kept)
                self._fill(found.recipe, kept)
                return
            recipe = replace(found.recipe.elsewhere(), content="")
            unseen = {digest for digest in kept if not await asyncio.to_thread(shown.has, user, digest)}
            self._fill(recipe, kept - {found.recipe.content}, unseen)

    async def open_file(self, digest: str) -> None:
        """A picture's file was sent, to be read and not to be painted."""
        async with self._visit.boundary("recipe"):
            reset_file_inputs()
            album, user = self._studio.album, self._visit.user
            if not await asyncio.to_thread(album.shown.has, user, digest):
                raise UserError("image_missing")
            recipe = await asyncio.to_thread(recipe_in, await self._studio.service.picture(digest))
            seen = [one for one in recipe.pictures if await asyncio.to_thread(album.shown.has, user, one)]
            self._fill(recipe, {one for one in seen if await self._is_kept(one)})

    async def _is_kept(self, digest: str) -> bool:
        try:
            await self._studio.service.picture(digest)
        except JobError:
            return False
        return True

    def _fill(self, recipe: Recipe, pictures: set[str], unseen: Collection[str] = ()) -> None:
        """Set the form.

        Args:
            recipe: What was opened.
            pictures: Hashes that this session may use.
            unseen: Those of them that it may not look at.
        """
        bench, language = self.bench, self._visit.language
        bench.complain("", "recipe")
        by_name = recipe.presets and all(name in self._studio.presets for name in recipe.presets)
        styles = recipe.presets if by_name else [digest for digest in recipe.styles if digest in pictures]
        whole = len(styles) == len(recipe.styles)
        if bench.content not in ("", recipe.content) or recipe.mask not in pictures | {""}:
            recipe = recipe.elsewhere()
        bench.fill(styles if whole else (), recipe.options, recipe.mask, unseen, recipe.spoiler)
        if not bench.content and recipe.content in pictures:
            bench.show_content(recipe.content)
        bench.announce(say("playground.recipe_opened" if whole else "playground.recipe_no_style", language))
