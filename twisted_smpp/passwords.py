"""Where the commands take passwords from: files, because arguments can be read by anybody."""

from __future__ import annotations

from pathlib import Path

__all__ = ["read_password"]


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
