"""Standard output that may be full, or whose reader may have gone."""

from __future__ import annotations

import contextlib
import os
import sys

import click

__all__ = ["put"]


def put(text: str) -> bool:
    """Prints a line; whether it could be written.

    If not, that is said once, unless the reader of a pipe has gone as ``head`` does, and all
    that follows goes nowhere.
    """
    try:
        click.echo(text)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            click.echo(f"smpp: cannot write to standard output: {error.strerror}", err=True)
        # At the end Python writes what it has not been able to write until now.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
