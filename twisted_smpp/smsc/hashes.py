"""Passwords as scrypt keeps them: ``scrypt$16384$8$1$salt$hash``.

The three numbers are n, r and p of scrypt: 16 MiB and about a twentieth of a second for
each password that is tried. All hashes have the same ones, so that an account does not
show by the time that its answer takes. Salt and hash are base64.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass, field

__all__ = ["DUMMY", "PasswordHash"]

_N, _R, _P = 16384, 8, 1
_SALT_OCTETS, _HASH_OCTETS = 16, 32
_PREFIX = f"scrypt${_N}${_R}${_P}$"
_FORM = f"{_PREFIX}SALT$HASH (smpp account add writes it)"


@dataclass(frozen=True)
class PasswordHash:
    """What is kept of a password."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, password: bytes, salt: bytes) -> PasswordHash:
        """The hash of a password; takes its time.

        Args:
            password: as it stands in a bind.
            salt: 16 random octets.
        """
        return cls(salt, _scrypt(password, salt))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """The hash that a text stands for.

        Raises:
            ValueError: it is none; the text of the error has nothing of it.
        """
        salt, _, digest = text.removeprefix(_PREFIX).partition("$")
        try:
            made = cls(b64decode(salt, validate=True), b64decode(digest, validate=True))
        except (Error, ValueError):
            raise ValueError(f"it is not of the form {_FORM}") from None
        sizes = (len(made.salt), len(made.digest))
        if not text.startswith(_PREFIX) or sizes != (_SALT_OCTETS, _HASH_OCTETS):
            raise ValueError(f"it is not of the form {_FORM}")
        return made

    def text(self) -> str:
        """The form that a file keeps."""
        return f"{_PREFIX}{b64encode(self.salt).decode()}${b64encode(self.digest).decode()}"

    def matches(self, password: bytes) -> bool:
        """Whether it is the hash of this password; takes its time, in any thread."""
        return hmac.compare_digest(_scrypt(password, self.salt), self.digest)


def _scrypt(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password, salt=salt, n=_N, r=_R, p=_P, maxmem=64 * 2**20, dklen=_HASH_OCTETS
    )


#: A hash that no password has: the work for names that nobody has.
DUMMY = PasswordHash(bytes(_SALT_OCTETS), bytes(_HASH_OCTETS))
