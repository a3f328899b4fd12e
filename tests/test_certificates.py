"""TLS certificates as identities of accounts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from accounts_kit import AccountsWorld, account
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL.crypto import X509

from twisted_smpp.smsc import AccountSettings
from twisted_smpp.smsc.checking import Certificate
from twisted_smpp.status import CommandStatus as S


def made(*names: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in names]
    now = datetime.datetime(2026, 1, 1)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name(parts))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


SHOP = made("shop.example")
PRINT = SHOP.fingerprint(hashes.SHA256()).hex()


class Transport:
    def __init__(self, shown: x509.Certificate | None) -> None:
        self._shown = shown

    def getPeerCertificate(self) -> Any:  # noqa: N802
        return None if self._shown is None else X509.from_cryptography(self._shown)


def test_what_is_read_of_a_certificate() -> None:
    found = Certificate.of(Transport(SHOP))
    assert found is not None
    assert (found.name, found.sha256) == ("shop.example", PRINT)
    for names in [(), ("shop.example", "bank.example")]:
        unclear = Certificate.of(Transport(made(*names)))
        assert unclear is not None
        assert unclear.name == ""
    assert Certificate.of(Transport(None)) is None
    assert Certificate.of(object()) is None


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ({"certificate_name": "shop.example"}, True),
        ({"certificate_name": "shop.exampl"}, False),
        ({"certificate_sha256": PRINT}, True),
        ({"certificate_sha256": "ab" * 32}, False),
        ({"certificate_name": "shop.example", "certificate_sha256": PRINT}, True),
        ({"certificate_name": "shop.example", "certificate_sha256": "ab" * 32}, False),
        ({"certificate_name": "other", "certificate_sha256": PRINT}, False),
    ],
)
def test_name_and_fingerprint_both_have_to_fit(keys: dict[str, str], fits: bool) -> None:
    found = Certificate.of(Transport(SHOP))
    assert found is not None
    assert found.belongs_to(AccountSettings("shop", **keys)) is fits  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "shown", "password", "status"),
    [
        ({"password": None}, SHOP, "whatever", 0),
        ({"password": None}, made("other"), "whatever", S.ESME_RINVPASWD),
        ({"password": None}, None, "secret", S.ESME_RINVPASWD),
        ({}, SHOP, "secret", 0),
        ({}, SHOP, "wrong", S.ESME_RINVPASWD),
        ({}, None, "secret", S.ESME_RINVPASWD),
    ],
)
def test_instead_of_a_password_or_beside_it(
    keys: dict[str, Any], shown: Any, password: str, status: int, tmp_path: Path
) -> None:
    world = AccountsWorld(tmp_path, account(certificate_name="shop.example", **keys))
    pair = world.connect(password=password)
    transport: Any = pair.smsc_transport
    transport.getPeerCertificate = Transport(shown).getPeerCertificate
    pair.advance(1)
    assert pair.smsc.bound is (status == 0)
    assert [each.command_status for each in world.refused] == ([status] if status else [])
    world.ends()
