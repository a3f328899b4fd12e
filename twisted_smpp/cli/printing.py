"""Standard output that may be full, or whose reader may have gone."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from traceback import walk_tb
from typing import Any

import click

__all__ = ["UNWRITABLE", "Commands", "output", "put"]

#: The exit code of a command that cannot print what it was asked for.
UNWRITABLE = 1


class Commands(click.Group):
    """Commands of which none ends with a traceback when it cannot print."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Click: runs the command that the arguments name."""
        if sys.stderr is None:  # it was closed, as by 2>&-
            sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        if sys.stdout is None:
            click.echo("smpp: standard output is closed", err=True)
            sys.exit(UNWRITABLE)
        with output():
            return super().main(*args, **settings)


@contextlib.contextmanager
def output() -> Iterator[None]:
    """The process ends with 1 when what is printed in it cannot be; said as by :func:`put`."""
    try:
        yield
    except OSError as error:
        if not _is_of_output(error):
            raise
        _give_up(error)
        sys.exit(UNWRITABLE)


def put(text: str) -> bool:
    """Prints a line; whether it could be written.

    If not, that is said once, unless the reader of a pipe has gone as ``head`` does, and all
    that follows goes nowhere.
    """
    try:
        click.echo(text)
    except OSError as error:
        _give_up(error)
        return False
    return True


def _is_of_output(error: OSError) -> bool:
    """Whether it was click that could not print; what has no buffer cannot be asked afterwards."""
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    return any(each.f_code is click.echo.__code__ and not each.f_locals["err"] for each in frames)


def _give_up(error: OSError) -> None:
    if not isinstance(error, BrokenPipeError):
        click.echo(f"smpp: cannot write to standard output: {error.strerror}", err=True)
    # At the end Python writes what it has not been able to write until now.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
