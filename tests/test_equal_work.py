# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Binds that are wrong in whatever way: the same answer, for the same work, after the same time."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from accounts_kit import AccountsWorld, account
from twisted.internet.defer import execute

from twisted_smpp.smsc.verifying import Verifier
from twisted_smpp.status import CommandStatus as S

#: What is wrong, the account, and the bind.
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown": (account(), {"system_id": "nobody"}),
    "password": (account(), {"password": "wrong"}),
    "no password": (account(), {"password": ""}),
    "network": (account(networks=["198.51.100.0/24"]), {}),
    "network and password": (account(networks=["198.51.100.0/24"]), {"password": "wrong"}),
    "disabled": (account(disabled=True), {}),
    "disabled and password": (account(disabled=True), {"password": "wrong"}),
    "certificate": (account(certificate_name="shop.example"), {}),
    "only a certificate": (account(password=None, certificate_name="shop.example"), {}),
}


class Work:
    """What is computed, and when the answer comes."""

    def __init__(self, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.done: list[Any] = []
        real = hmac.compare_digest

        def scrypt(password: bytes, **parameters: Any) -> bytes:
            salt = parameters.pop("salt")
            self.done.append(("scrypt", len(salt), *sorted(parameters.items())))
            return hashlib.sha256(salt + password).digest()

        def compare(one: Any, other: Any) -> bool:
            self.done.append(("compare_digest", len(one), len(other)))
            return real(one, other)

        monkeypatch.setattr(hashlib, "scrypt", scrypt)
        monkeypatch.setattr(hmac, "compare_digest", compare)
        world.file._verifier = Verifier(world.clock, execute, b"k" * 32)

    def of(self, bind: dict[str, Any], host: str) -> Any:
        """Status, seconds and work of a bind."""
        self.done.clear()
        begin = self.world.clock.seconds()
        self.world.refused.clear()
        pair = self.world.connect(host, **bind)
        while not self.world.refused:
            pair.flush()
            self.world.clock.advance(1 / 8)
            assert self.world.clock.seconds() - begin < 10
        pair.drop()
        (error,) = self.world.refused
        return error.command_status, self.world.clock.seconds() - begin, tuple(self.done)


def test_A09_every_wrong_bind_takes_the_same_work_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = AccountsWorld(tmp_path)
    work = Work(world, monkeypatch)
    seen = {}
    for number, (what, (text, bind)) in enumerate(WRONG.items()):
        assert world.reload(text)
        # The second time nothing may be remembered of the first.
        for again in range(2):
            seen[what, again] = work.of(bind, f"192.0.2.{2 * number + again + 1}")
    (answer,) = set(seen.values())
    status, seconds, done = answer
    assert status == S.ESME_RINVPASWD
    assert 1 <= seconds <= 1.25
    assert done == (
        ("scrypt", 16, ("dklen", 32), ("maxmem", 64 * 2**20), ("n", 16384), ("p", 1), ("r", 8)),
        ("compare_digest", 32, 32),
    )
    world.ends()


def test_A09_a_password_that_is_remembered_makes_no_difference_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = AccountsWorld(tmp_path, account(networks=["192.0.2.0/24"]))
    work = Work(world, monkeypatch)
    world.file._verifier._right[
        world.file._verifier._token(b"esme", b"secret", world.file.settings("esme").password)
    ] = None
    assert world.tries("192.0.2.1") == 0
    assert work.done == []
    wrong = [
        work.of({}, "198.51.100.1"),
        work.of({"password": "wrong"}, "192.0.2.2"),
        work.of({"system_id": "nobody"}, "192.0.2.3"),
    ]
    assert len(set(wrong)) == 1
    assert len(wrong[0][2]) == 2
    world.ends()
