"""What the options of both daemons have in common: errors are one line that names the option."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from twisted.python import usage

__all__ = ["OneLineErrors", "named_numbers"]

_UNKNOWN = re.compile(r"option --([\w-]+) not recognized")
_WORDS = {int: "whole number", float: "number"}


class OneLineErrors(usage.Options):
    """Options whose errors are one line and exit code 1."""

    synopsis_name = "twistd smpp"
    synopsis = "twistd smpp smsc|esme [options]"
    examples = ""

    def parseOptions(self, options: Any = None) -> None:
        """Twisted: parses; ends the process with one line when something is wrong."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            line = f"{error}{self._meant(str(error))}"
            sys.exit(f"{self.synopsis_name}: {line} (--help shows the options)")

    def _meant(self, error: str) -> str:
        """What somebody has meant by an option that there is not."""
        unknown = _UNKNOWN.fullmatch(error)
        known = [each.rstrip("=") for each in self.longOpt]
        near = get_close_matches(unknown[1], known, 1) if unknown else []
        return f", do you mean --{near[0]}?" if near else ""

    def parseArgs(self, *rest: str) -> None:
        """Twisted: what is no option; there is nothing of that kind."""
        if rest:
            raise usage.UsageError(f"{rest[0]!a} is no option")

    def getSynopsis(self) -> str:
        """Twisted: the first line of --help."""
        return f"Usage: {self.synopsis}"

    def getUsage(self, width: int | None = None) -> str:
        """Twisted: the text of --help; examples keep their lines."""
        return str(super().getUsage(width)) + self.examples

    def opt_version(self) -> None:
        """Show the version of twisted_smpp and exit."""
        from importlib.metadata import version

        sys.stdout.write(f"twisted_smpp {version('twisted_smpp')}\n")
        sys.exit(0)


def named_numbers(rows: list[list[Any]]) -> list[list[Any]]:
    """Rows of ``optParameters`` whose errors name the option.

    Args:
        rows: those whose fifth item is ``int`` or ``float`` take a number, which has to be
            finite.
    """
    return [[*row[:4], _number(row[0], row[4])] if len(row) > 4 else row for row in rows]


def _number(option: str, kind: type[int] | type[float]) -> Callable[[str], int | float]:
    def read(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            raise usage.UsageError(f"--{option}: {ascii(text)[:40]} is no {_WORDS[kind]}")
        return value

    return read
