"""Where the commands take passwords from: files, because arguments can be read by anybody."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["password_from_environment", "password_from_file", "read_password"]


def read_password(path: str) -> str:
    """The first line of a file, without its end.

    Raises:
        ValueError: it cannot be read; the text says which file and why.
    """
    try:
        text = Path(path).read_text("latin-1")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    return text.partition("\n")[0].rstrip("\r")


def password_from_file(path: str | Path) -> Callable[[], str]:
    """A ``password=`` that is the first line of a file, read anew for each bind.

    Whoever puts the right one into the file heals a refused bind without a restart. What is
    returned raises :class:`ValueError` when the file cannot be read: a service says so at once
    when it is made, and later tells it as the reason why it is not bound, and tries again.

    Args:
        path: the file; latin-1, as SMPP has it.
    """
    return lambda: read_password(str(path))


def password_from_environment(name: str = "SMPP_PASSWORD") -> Callable[[], str]:
    """A ``password=`` that is a variable of the environment.

    What is returned raises :class:`ValueError` when there is no such variable.

    Args:
        name: of the variable.
    """

    def read() -> str:
        password = os.environ.get(name)
        if password is None:
            raise ValueError(f"the variable {name} is not set")
        return password

    return read
