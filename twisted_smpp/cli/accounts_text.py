"""Changes to the text of an accounts file that leave the rest as it was, comments included.

Lines are looked at, not TOML: whoever changes a text reads it again afterwards, to see
whether it says what it should.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

__all__ = ["changed_password", "with_account", "without_account"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PASSWORD = re.compile(r"""(\s*password\s*=\s*)("[^"]*"|'[^']*')(.*)""", re.S)


def with_account(text: str, system_id: str, values: Mapping[str, Any]) -> str:
    """The text with one more account; values of None are left out."""
    # The strings and numbers of JSON are those of TOML, and so are its lists of them.
    name = system_id if _BARE.fullmatch(system_id) else json.dumps(system_id)
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    table = "\n".join([f"[accounts.{name}]", *lines, ""])
    return f"{text.rstrip()}\n\n{table}" if text.strip() else table


def without_account(text: str, system_id: str) -> str:
    """The text without an account: from its heading to its last key."""
    lines = text.splitlines(keepends=True)
    start, end = _lines_of(lines, system_id)
    while end > start + 1 and not lines[end - 1].partition("#")[0].strip():
        end -= 1  # what is in front of the next heading belongs to that
    head, rest = "".join(lines[:start]).rstrip(), "".join(lines[end:]).strip()
    return "\n\n".join(part for part in (head, rest) if part) + "\n"


def changed_password(text: str, system_id: str, password: str) -> str:
    """The text with another password of an account."""
    lines = text.splitlines(keepends=True)
    start, end = _lines_of(lines, system_id)
    for at in range(start + 1, end):
        if found := _PASSWORD.fullmatch(lines[at]):
            lines[at] = f'{found[1]}"{password}"{found[3]}'
            return "".join(lines)
    lines.insert(start + 1, f'password = "{password}"\n')
    return "".join(lines)


def _lines_of(lines: list[str], system_id: str) -> tuple[int, int]:
    """From the heading of an account to the one behind it; nothing when it has none."""
    headings = {at: found for at, line in enumerate(lines) if (found := _heading(line))}
    nowhere = len(lines)
    start = next(
        (at for at, found in headings.items() if found == ("accounts", system_id)), nowhere
    )
    return start, next((at for at in headings if at > start), nowhere)


def _heading(line: str) -> tuple[str, ...] | None:
    """The names in the heading of a table; None for any other line."""
    if not line.lstrip().startswith("["):
        return None
    try:
        table: Any = tomllib.loads(line)
    except ValueError:
        return None
    names = []
    while table:
        ((name, table),) = table.items() if isinstance(table, dict) else (("", None),)
        names.append(name)
    return tuple(names)
