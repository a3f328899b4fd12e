"""Files that are either the old ones or the new ones, whatever happens."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file, or makes one, that only its owner may read.

    The owner stays who he was. The new text is on the disk before the old one is gone.

    Raises:
        OSError: it cannot be written; the old file is untouched.
    """
    path = path.resolve()  # behind a link the file changes, not the link
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            if path.exists():
                _give(descriptor, path)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _give(descriptor: int, path: Path) -> None:
    """Gives an open file the owner of another; it can be read by that one only (0600)."""
    old, new = path.stat(), os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
