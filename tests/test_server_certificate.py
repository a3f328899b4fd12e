"""The certificate of a listener: replaced without a restart, and warned of (O10)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.testing import MemoryReactorClock

from twisted_smpp.daemon.certificate import DAY, ServerCertificate

sys.path.insert(0, str(Path(__file__).parent / "interop"))
from interop_certificate import certificate


class Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, format: str, **values: Any) -> None:
        self.lines.append(format.format(**values))

    info = error = warn


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        certificate(folder)
        self.days = 0.0
        self.reactor = MemoryReactorClock()
        keys = f"privateKey={folder}/key.pem:certKey={folder}/cert.pem"
        self.made = ServerCertificate(f"ssl:3550:{keys}", self.reactor, lambda: self.now)
        self.log = self.made.log = Lines()  # type: ignore[assignment]
        self.ends = self.made._end().timestamp()

    @property
    def now(self) -> float:
        return self.ends - self.days * DAY

    def pass_to(self, days: float) -> list[str]:
        self.days = days
        self.reactor.advance(3600)
        lines, self.log.lines = self.log.lines, []  # type: ignore[attr-defined]
        return lines


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def number(made: ServerCertificate) -> int:
    made.getContext()
    serial: int = made._options.certificate.get_serial_number()
    return serial


def test_o10_the_new_one_is_for_the_next_connection(world: World) -> None:
    before, context = number(world.made), world.made.getContext()
    world.made.endpoint.listen(None)
    (listening,) = world.reactor.sslServers
    assert listening[2] is world.made
    certificate(world.folder)
    assert number(world.made) == before
    world.made.reload()
    assert number(world.made) != before
    assert listening[2].getContext() is not context


@pytest.mark.parametrize("broken", ["garbage", "another key", "missing"])
def test_o10_a_broken_one_leaves_the_old_one_in_force(world: World, broken: str) -> None:
    before = number(world.made)
    file = world.folder / "cert.pem"
    if broken == "garbage":
        file.write_text("this is none")
    elif broken == "missing":
        file.unlink()
    else:
        old = (world.folder / "key.pem").read_bytes()
        certificate(world.folder)
        (world.folder / "key.pem").write_bytes(old)
    world.made.reload()
    assert number(world.made) == before
    (line,) = world.log.lines  # type: ignore[attr-defined]
    assert line.startswith("the certificate cannot be used, the old one stays: ")


def test_o10_its_end_is_told_once_at_each_step(world: World) -> None:
    world.days = 40
    world.made.start()
    told = [world.pass_to(days) for days in (30.5, 29.9, 20, 6.9, 6, 0.9, 0.5, -0.1, -1)]
    counts = [len(lines) for lines in told]
    assert counts == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert "in 29.9 days" in told[1][0]
    assert "has expired" in told[7][0]
    world.made.stop()
    assert world.reactor.getDelayedCalls() == []


def test_o10_other_endpoints_have_none() -> None:
    reactor = MemoryReactorClock()
    made = ServerCertificate("tcp:4000", reactor, lambda: 0.0)
    made.start()
    made.reload()
    assert reactor.getDelayedCalls() == []


# Certificates of clients.


def asking(world: World, path: Path) -> ServerCertificate:
    description = world.made._description
    made = ServerCertificate(description, world.reactor, lambda: 0.0, str(path))
    made.log = Lines()  # type: ignore[assignment]
    return made


def test_clients_are_asked_for_a_certificate_of_the_authorities(world: World) -> None:
    made = asking(world, world.folder / "cert.pem")
    context = made.getContext()
    assert context.get_verify_mode() & SSL.VERIFY_PEER
    assert not context.get_verify_mode() & SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    assert world.made.getContext().get_verify_mode() == SSL.VERIFY_NONE
    certificate(world.folder)
    made.reload()
    assert made.getContext() is not context
    assert made.getContext().get_verify_mode() & SSL.VERIFY_PEER


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "--client-ca {}: No such file or directory"),
        ("this is none", "--client-ca {}: it is no PEM file of certificates"),
    ],
)
def test_authorities_that_cannot_be_read_are_told(
    world: World, text: str | None, error: str
) -> None:
    path = world.folder / "ca.pem"
    path.write_bytes((world.folder / "cert.pem").read_bytes())
    made = asking(world, path)
    context = made.getContext()
    if text is None:
        path.unlink()
    else:
        path.write_text(text)

    with pytest.raises(ValueError, match="--client-ca") as caught:
        asking(world, path)
    assert str(caught.value) == error.format(path)
    made.reload()
    assert made.getContext() is context
    (line,) = made.log.lines  # type: ignore[attr-defined]
    assert line.endswith(error.format(path))
