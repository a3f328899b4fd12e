"""What became of many messages, for people and for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from twisted_smpp.cli.printing import put

__all__ = ["Row", "ids_in_row", "print_counts", "write_rows"]


class Row(NamedTuple):
    """One message.

    Attributes:
        to: the address.
        progress: the name of its :class:`~twisted_smpp.Progress`, in small letters.
        parts: how many parts it has.
        message_ids: what the message centre calls them, with a space between, and - for one
            that it has not accepted.
        attempts: how often parts of it were sent; empty when that is not known here.
        error: why it failed, or empty.
    """

    to: str
    progress: str
    parts: int
    message_ids: str
    attempts: int | str
    error: str


def ids_in_row(message_ids: Iterable[str | None]) -> str:
    """The ids of the parts of a message; empty when none has one."""
    ids = list(message_ids)
    return " ".join(each or "-" for each in ids) if any(ids) else ""


def print_counts(counts: Mapping[str, int]) -> bool:
    """A line for each thing that became of messages, with how many they are.

    Returns:
        whether they could be written.
    """
    return put("\n".join(f"{many:>8}  {name}" for name, many in counts.items()))


def write_rows(path: str, rows: Iterable[Row]) -> None:
    """Writes a CSV file.

    Raises:
        OSError: it cannot be written.
    """
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(Row._fields)
        for row in rows:
            out.writerow(_harmless(each) if isinstance(each, str) else each for each in row)


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
