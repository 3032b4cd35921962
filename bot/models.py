"""``pastiche models``: what the methods need, fetched before the first job instead of during it.

    pastiche models list               what there is, where it comes from, what of it is on this machine
    pastiche models fetch [NAME...]    download it (the fast method's network and VGG-19 if no name is given), check it,
                                       and fetch again what is damaged
    pastiche models verify [NAME...]   hold what is here against its checksums; load the fast method's networks

Tables and progress go to standard output and standard error. A download that was broken off is resumed where the
server allows it. Exit code 1 if something could not be fetched, or is damaged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nst.models.inventory import Model

app = typer.Typer(help="What the methods need: list, fetch and verify it.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Names of `pastiche models list`.", metavar="[NAME]...")]


@app.command("list")
def list_models() -> None:
    """Show what there is and what of it is on this machine."""
    from rich.console import Console
    from rich.table import Table

    from bot.settings import read_settings
    from nst.models.inventory import models
    from nst.secrecy import bare

    table = Table("name", box=None)
    for title in ("here", "from"):
        table.add_column(title, overflow="fold")
    for model in models(read_settings().methods):
        table.add_row(model.name, str(model.place) if model.place else "-", bare(model.source))
    Console(soft_wrap=True).print(table)


@app.command()
def fetch(names: Names = None) -> None:
    """Download models into MODEL_CACHE_DIR; what is here already is checked, and fetched again where it is damaged."""
    from nst.models.inventory import fault

    def get(model: Model) -> str:
        error = fault(model) if model.place else None
        if model.fetch is None:
            if error is not None:
                raise error
            return "is here and whole" if model.place else "is not here, and there is nowhere to get it from"
        if model.place is not None and error is None:
            return "is here and whole"
        with _progress_bar(model.name) as advance:
            model.fetch(advance)
        return "was damaged; fetched again" if error else "fetched"

    _each(names, get)


@app.command()
def verify(names: Names = None) -> None:
    """Check what is on this machine; everything if no name is given."""
    from bot.settings import read_settings
    from nst.models.inventory import fault, models

    def look(model: Model) -> str:
        error = fault(model)
        if error is not None:
            raise error
        return "is whole"

    here = [model.name for model in models(read_settings().methods) if model.place]
    _each(names or here, look)


def _each(names: list[str] | None, do: Callable[[Model], str]) -> None:
    from bot.settings import read_settings
    from bot.texts import explain
    from nst.errors import PasticheError
    from nst.models.inventory import chosen

    failed = False
    for model in chosen(read_settings().methods, names or []):
        try:
            said = do(model)
        except PasticheError as error:
            said, failed = explain(error), True
        sys.stdout.write(f"{model.name}: {said}\n")
    if failed:
        raise typer.Exit(1)


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=None)
        yield lambda received, total: bar.update(task, completed=received, total=total or None)
