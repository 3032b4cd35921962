"""Measure the house: how many rooms it has, how long the ways are, what stands in a circle.

    python -m tools.house [ROOT]

Counted over ``nst``, ``workers`` and ``bot``, which is what the wheel holds.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

FLOORS = ("nst", "workers", "bot")


class House:
    """The modules of a tree.

    Args:
        root: Where the floors lie.
    """

    def __init__(self, root: Path) -> None:
        self._sources: dict[str, str] = {}
        self._folders: Counter[Path] = Counter()
        for floor in FLOORS:
            for path in sorted((root / floor).rglob("*.py")):
                name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                self._sources[name] = path.read_text(encoding="utf-8")
                self._folders[path.parent.relative_to(root)] += 1
        self._trees = {name: ast.parse(text) for name, text in self._sources.items()}

    def figures(self) -> dict[str, str]:
        """Every figure by its name."""
        lines = sum(text.count("\n") for text in self._sources.values())
        folder, files = self._folders.most_common(1)[0]
        functions, once = self._functions()
        code, imports = self._code_and_imports()
        return {
            "modules": str(len(self._sources)),
            "lines": str(lines),
            "circles, type hints included": ", ".join(str(len(circle)) for circle in self.circles()) or "0",
            "private helpers used once": f"{100 * once / functions:.0f} %",
            "imports, share of code lines": f"{100 * imports / code:.0f} %",
            "largest flat folder": f"{files} ({folder})",
            "cast(": str(self._count(r"\bcast\(")),
            "lines with Any": str(sum(bool(re.search(r"\bAny\b", line)) for line in self._lines())),
            "asyncio.to_thread": str(self._count(r"asyncio\.to_thread\(")),
        }

    def circles(self) -> list[list[str]]:
        """Modules that import each other, the largest circle first (Tarjan 1972)."""
        edges = {name: self._imported_by(name) for name in self._trees}
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        found: list[list[str]] = []

        def visit(name: str) -> None:
            index[name] = low[name] = len(index)
            stack.append(name)
            for other in edges[name]:
                if other not in index:
                    visit(other)
                    low[name] = min(low[name], low[other])
                elif other in stack:
                    low[name] = min(low[name], index[other])
            if low[name] == index[name]:
                place = stack.index(name)
                if len(stack) - place > 1:
                    found.append(sorted(stack[place:]))
                del stack[place:]

        sys.setrecursionlimit(10_000)
        for name in edges:
            if name not in index:
                visit(name)
        return sorted(found, key=len, reverse=True)

    def _imported_by(self, name: str) -> list[str]:
        found: dict[str, None] = {}
        for node in ast.walk(self._trees[name]):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found[whole if whole in self._trees else node.module] = None
            elif isinstance(node, ast.Import):
                found |= dict.fromkeys(alias.name for alias in node.names)
        return [other for other in found if other in self._trees and other != name]

    def _functions(self) -> tuple[int, int]:
        """How many there are, and how many of them are private to a module that uses them once."""
        functions = once = 0
        for name, tree in self._trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    functions += 1
                    private = node.name.startswith("_") and not node.name.startswith("__")
                    once += private and len(re.findall(rf"\b{node.name}\b", self._sources[name])) == 2
        return functions, once

    def _code_and_imports(self) -> tuple[int, int]:
        """Lines that are neither empty, nor comment, nor docstring; and those of them that import."""
        code = imports = 0
        for name, tree in self._trees.items():
            spoken: set[int] = set()
            importing: set[int] = set()
            for node in ast.walk(tree):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    importing.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
                elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    spoken.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            for row, line in enumerate(self._sources[name].splitlines(), 1):
                if line.strip() and not line.strip().startswith("#") and row not in spoken:
                    code += 1
                    imports += row in importing
        return code, imports

    def _lines(self) -> list[str]:
        return [line for text in self._sources.values() for line in text.splitlines()]

    def _count(self, pattern: str) -> int:
        return sum(len(re.findall(pattern, text)) for text in self._sources.values())


def main() -> None:
    """Print the figures, and who stands in a circle."""
    house = House(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    table = Table("", "")
    for name, figure in house.figures().items():
        table.add_row(name, figure)
    console = Console()
    console.print(table)
    for circle in house.circles():
        console.print("circle:", ", ".join(circle), highlight=False)


if __name__ == "__main__":
    main()
