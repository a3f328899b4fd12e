"""Who gets a message, and which: addresses on the command line, or a file of them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

import click

from twisted_smpp.cli.text_options import standard_input

__all__ = ["Recipient", "recipients"]

#: Names of the column with the address, the first that is there.
_ADDRESS = ("to", "destination", "msisdn", "phone")
#: What separates columns; spreadsheets of many countries write semicolons.
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_ROUNDED = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")


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
        file: a CSV file with a header line, ``-`` for standard input; commas, semicolons or
            tabs separate its columns. The column ``to`` is the address, ``text`` the text if
            TEXT is not given; ``$name`` in TEXT stands for the column ``name``, and
            ``${first name}`` for one whose name is no word. A file without a header has an
            address a line.
        text: the text for all.

    Raises:
        click.UsageError: an address or a text is missing, a row has more columns than the
            header, or the file cannot be read; says in which line.
    """
    found = []
    for each in to:
        if text is None:
            raise click.UsageError("TEXT is missing")
        one = Recipient(each, text)
        if file is not None:  # TEXT may name columns, which nobody has who is not in the file
            one = _recipient({_ADDRESS[0]: each}, _ADDRESS[0], text, "--to")
        found.append(one)
    if file is not None:
        of_rows = list(_from_file(file, text))
        if not of_rows:
            raise click.UsageError(f"{file}: nobody to send to in it")
        found += of_rows
    if not found:
        raise click.UsageError("nobody to send to: give --to or --recipients")
    return found


def _from_file(file: str, text: str | None) -> Iterator[Recipient]:
    source = _read(file)
    delimiter, names, address = _header(source)
    if names.count(address) > 1:
        raise click.UsageError(f"{file}: {names.count(address)} columns are called {address}")
    rows = csv.reader(io.StringIO(source, newline=""), delimiter=delimiter, strict=True)
    is_header = bool(names)
    while True:
        where = f"{file}, line {rows.line_num + 1}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise click.UsageError(f"{where}: {error}") from None
        if not any(row):
            continue
        if is_header:
            is_header = False
            continue
        _check(row, names, where, delimiter)
        columns = dict(zip(names or [address], (each.strip() for each in row), strict=False))
        yield _of_row(columns, address, text, where)


def _read(file: str) -> str:
    try:
        source = standard_input("strict") if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise click.UsageError(
            f"{file}, line {line}: not UTF-8; in a spreadsheet the format is called CSV UTF-8"
        ) from None
    return source.removeprefix("\ufeff")


def _header(source: str) -> tuple[str, list[str], str]:
    """What separates the columns, their names, and the one of the address; no names: no header."""
    for delimiter in _DELIMITERS:
        rows = csv.reader(io.StringIO(source, newline=""), delimiter=delimiter)
        try:
            row = next((row for row in rows if any(row)), [])
        except csv.Error:
            continue  # it is said, with its line, when the rows are read
        names = [name.strip().lower() for name in row]
        address = next((name for name in _ADDRESS if name in names), None)
        if address is not None:
            return delimiter, names, address
    return ",", [], _ADDRESS[0]


def _check(row: Sequence[str], names: Sequence[str], where: str, delimiter: str) -> None:
    """A row that is not meant as it is read would send something wrong to somebody."""
    if names:
        if any(row[len(names) :]):
            raise click.UsageError(
                f"{where}: {len(row)} columns, the header has {len(names)}; a text with a "
                f"{_DELIMITERS[delimiter]} stands in quotes"
            )
    elif len(row) > 1 or not any(letter.isdigit() for letter in row[0]):
        raise click.UsageError(
            f"{where}: {','.join(row)!r} is no address, and no header has a column "
            f"{', '.join(_ADDRESS)}"
        )


class _Text(Template):
    """A text with columns, whose names may have letters of any language."""

    idpattern = r"[^\W\d]\w*"
    braceidpattern = r"[^{}]+"


class _Columns(dict[str, str]):
    """The columns of a row, whose names may be written in capitals."""

    def __missing__(self, name: str) -> str:
        if name.lower() == name:
            raise KeyError(name)
        return self[name.lower()]


def _of_row(columns: dict[str, str], address: str, text: str | None, where: str) -> Recipient:
    to = columns.get(address, "")
    if not to:
        raise click.UsageError(f"{where}: no address")
    if _ROUNDED.fullmatch(to):
        raise click.UsageError(f"{where}: {to} is a number that a spreadsheet has rounded")
    if not any(letter.isdigit() for letter in to):
        raise click.UsageError(f"{where}: {to!r} is no address")
    return _recipient(columns, address, text, where)


def _recipient(columns: dict[str, str], address: str, text: str | None, where: str) -> Recipient:
    to = columns[address]
    if text is None:
        text = columns.get("text", "")
        if not text:
            raise click.UsageError(f"{where}: no text: give TEXT, or a column text")
        return Recipient(to, text)
    try:
        filled = _Text(text).substitute(_Columns(columns)) if "$" in text else text
        return Recipient(to, filled)
    except KeyError as error:
        raise click.UsageError(f"{where}: TEXT asks for a column {error.args[0]}") from None
    except ValueError:
        raise click.UsageError(
            "TEXT: a $ stands before the name of a column; write $$ for one that is to be sent"
        ) from None
