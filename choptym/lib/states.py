"""States change by a table of allowed moves and one guarded UPDATE, so two workers cannot both win."""

from collections.abc import Mapping, Set
from typing import Any

from django.db import models

Moves = Mapping[str, Set[str]]


def sources_of(to: str, moves: Moves) -> list[str]:
    """The states from which `to` may be reached."""
    return [state for state, targets in moves.items() if to in targets]


def move(row: models.Model, to: str, moves: Moves, **also: Any) -> bool:
    """Set row.state to `to`, and the columns in `also`, if the stored state allows it.

    Returns False when it does not. The row in memory is refreshed after a move.
    """
    manager = type(row)._default_manager
    moved = manager.filter(pk=row.pk, state__in=sources_of(to, moves)).update(state=to, **also)
    if moved != 1:
        return False
    row.refresh_from_db()
    return True


def diagram(moves: Moves) -> str:
    """The table as a Mermaid state diagram. A row begins in the first state of its table."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(moves))}"]
    for state, targets in moves.items():
        lines += [f"    {state} --> {target}" for target in sorted(map(str, targets))]
        if not targets:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)
