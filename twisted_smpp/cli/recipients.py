"""Who gets a message, and which: addresses on the command line, or a file of them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

import click

__all__ = ["Recipient", "recipients"]

#: Names of the column with the address, the first that is there.
_ADDRESS = ("to", "destination", "msisdn", "phone")


class Recipient(NamedTuple):
    """One message to be sent.

    Attributes:
        to: the address.
        text: what it says.
    """

    to: str
    text: str


def recipients(to: Sequence[str], file: str | None, text: str | None) -> list[Recipient]:
    """The messages that the arguments ask for.

    Args:
        to: addresses.
        file: a CSV file with a header line, ``-`` for standard input. The column ``to`` is
            the address, ``text`` the text if TEXT is not given; ``$name`` in TEXT stands for
            the column ``name``. A file without a header has an address a line.
        text: the text for all.

    Raises:
        click.UsageError: an address or a text is missing, or the file cannot be read; says
            in which line.
    """
    found = []
    for each in to:
        if text is None:
            raise click.UsageError("TEXT is missing")
        found.append(Recipient(each, text))
    if file is not None:
        found += _from_file(file, text)
    if not found:
        raise click.UsageError("nobody to send to: give --to or --recipients")
    return found


def _from_file(file: str, text: str | None) -> Iterator[Recipient]:
    try:
        source = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file}: not UTF-8") from None
    lines = source.splitlines()
    header = next(csv.reader(lines[:1]), [])
    names = [name.strip().lower() for name in header]
    address = next((name for name in _ADDRESS if name in names), None)
    if address is None:
        names, address, first = ["to"], "to", 1
    else:
        lines, first = lines[1:], 2
    for number, row in enumerate(csv.reader(lines), first):
        if not any(row):
            continue
        columns = dict(zip(names, (each.strip() for each in row), strict=False))
        yield _recipient(columns, address, text, f"{file}, line {number}")


def _recipient(columns: dict[str, str], address: str, text: str | None, where: str) -> Recipient:
    to = columns.get(address, "")
    if not to:
        raise click.UsageError(f"{where}: no address")
    if text is None:
        text = columns.get("text", "")
        if not text:
            raise click.UsageError(f"{where}: no text: give TEXT, or a column text")
        return Recipient(to, text)
    try:
        return Recipient(to, Template(text).substitute(columns) if "$" in text else text)
    except KeyError as error:
        raise click.UsageError(f"{where}: TEXT asks for a column {error.args[0]}") from None
    except ValueError:
        raise click.UsageError("TEXT: a $ that is none is written $$") from None
