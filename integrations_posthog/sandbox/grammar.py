"""HogQL text to syntax tree, by PostHog's own grammar (PyPI ``hogql-parser``)."""

from __future__ import annotations

import importlib
import json
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

Node = dict[str, Any]

# The C++ parser imports this module of PostHog's when it is loaded, and takes nothing from it as
# long as the tree is asked for as JSON. Empty stand-ins satisfy it; they are gone afterwards, so
# that a `posthog` package that the host has installed is never shadowed.
WANTED_MODULES = ("posthog", "posthog.hogql", "posthog.hogql.errors")


def _load_parser() -> ModuleType:
    lent = [name for name in WANTED_MODULES if name not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in lent})
    try:
        return importlib.import_module("hogql_parser")
    except ModuleNotFoundError as error:
        message = "the stand-in needs hogql-parser: pip install 'integrations-posthog[sandbox]'"
        raise ModuleNotFoundError(message, name=error.name) from error
    finally:
        for name in lent:
            del sys.modules[name]


_parser = _load_parser()


class HogQLError(Exception):
    """A query that PostHog refuses. ``start`` and ``end`` are offsets into its text."""

    def __init__(
        self, message: str, *, code: str = "hogql_query_error", at: Node | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.start: int | None = None
        self.end: int | None = None
        self.locate(at)

    def locate(self, node: Node | None) -> None:
        """Note the place of what is refused, unless it is known."""
        if self.start is None:
            self.start, self.end = _offset(node, "start"), _offset(node, "end")


def _offset(node: Node | None, edge: str) -> int | None:
    place = (node or {}).get(edge)
    return place["offset"] if place else None


@lru_cache(maxsize=128)
def parse_select(text: str) -> Node:
    """The syntax tree of a SELECT statement, as PostHog's ``ast`` classes name its nodes.

    A long text takes the parser half a second, so trees are kept: they must not be changed.

    Raises:
        HogQLError: ``hogql_syntax_error``, for all that the grammar refuses.
    """
    tree: Node = json.loads(_parser.parse_select_json(text))
    if tree.get("error"):
        raise HogQLError(tree["message"], code="hogql_syntax_error", at=tree)
    return tree
