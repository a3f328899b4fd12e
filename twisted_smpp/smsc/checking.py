"""Who an ESME is: the ``twisted.cred`` checker of an accounts file."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import NameOID
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_smpp.smsc.accounts import Accounts, AccountsError, AccountSettings
from twisted_smpp.smsc.networks import Address, is_in
from twisted_smpp.smsc.verifying import AHEAD, Verifier, in_threads

__all__ = ["AccountsFile", "BindCredentials", "Certificate"]


class Certificate:
    """What a TLS client has shown of itself, after its chain was verified.

    Args:
        name: the common name of its subject.
        sha256: its fingerprint as 64 hex digits.
    """

    def __init__(self, name: str, sha256: str) -> None:
        self.name = name
        self.sha256 = sha256

    @classmethod
    def of(cls, transport: Any) -> Certificate | None:
        """That of a connection; None when there is none."""
        ask = getattr(transport, "getPeerCertificate", None)
        shown = ask() if ask is not None else None
        if shown is None:
            return None
        found = shown.to_cryptography()
        names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        name = str(names[0].value) if len(names) == 1 else ""  # of two, who is meant?
        return cls(name, found.fingerprint(SHA256()).hex())

    def belongs_to(self, settings: AccountSettings) -> bool:
        """Whether it is the one that the account asks for."""
        return settings.certificate_name in (None, self.name) and hmac.compare_digest(
            settings.certificate_sha256 or self.sha256, self.sha256
        )


@implementer(IUsernamePassword)
class BindCredentials:
    """What a bind says, and where it came from.

    Attributes:
        username, password: system_id and password, as octets.
        address: the IP address of the ESME, or None.
        certificate: that of its TLS client, or None.
    """

    def __init__(
        self,
        username: bytes,
        password: bytes,
        address: Address | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self.username = username
        self.password = password
        self.address = address
        self.certificate = certificate

    def checkPassword(self, password: bytes) -> bool:
        """Twisted: whether it is this one."""
        return hmac.compare_digest(self.password, password)


@implementer(ICredentialsChecker)
class AccountsFile:
    """The accounts of a file, which may be read anew.

    Args:
        path: of the file.
        reactor: for time, and threads to hash passwords in; None for the global one.
        verifier: what compares passwords; None for one of its own.

    Attributes:
        accounts: those that are in force.

    Raises:
        AccountsError: the file cannot be used.
    """

    log = Logger()
    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self, path: str | Path, reactor: Any = None, verifier: Verifier | None = None
    ) -> None:
        self._path = path
        self._listeners: list[Callable[[], object]] = []
        self.accounts = Accounts.load(path)
        self._warn()
        if verifier is None:
            if reactor is None:
                from twisted.internet import reactor
            key = secrets.token_bytes(32)
            verifier = Verifier(IReactorTime(reactor), in_threads(reactor), key, AHEAD)
        self._verifier = verifier

    def settings(self, system_id: str) -> AccountSettings | None:
        """What an account may do now; None when there is none of this name."""
        return self.accounts.get(system_id)

    def on_change(self, listener: Callable[[], object]) -> None:
        """Calls ``listener`` whenever other accounts are in force."""
        self._listeners.append(listener)

    def reload(self) -> bool:
        """Reads the file again. One that cannot be used changes nothing, and is logged.

        Returns:
            whether the file is in force now.
        """
        try:
            accounts = Accounts.load(self._path)
        except AccountsError as error:
            self.log.warn("the old accounts stay in force: {error}", error=str(error))
            return False
        self.accounts = accounts
        self._verifier.forget()
        self._warn()
        self.log.info("{count} accounts are in force", count=len(accounts))
        for listener in self._listeners:
            listener()
        return True

    def _warn(self) -> None:
        for warning in self.accounts.warnings:
            self.log.warn("{warning}", warning=warning)

    # ICredentialsChecker.

    def requestAvatarId(self, credentials: Any) -> Any:
        """Twisted: the system_id, if everything fits.

        Whatever does not fit takes the same work and gives the same error. The Deferred
        errbacks with

        - ``UnauthorizedLogin``: for the log it says why;
        - :class:`~twisted_smpp.errors.RequestRefused`: too many passwords are being checked.
        """
        settings = self.settings(credentials.username.decode("latin-1"))
        why = _misfit(settings, credentials)
        known = None
        if settings is not None and not why:
            if settings.password is None:
                return succeed(credentials.username)
            known = settings.password
        verdict = self._verifier.verify(credentials.username, credentials.password, known)
        if verdict is True:
            return succeed(credentials.username)
        return verdict.addCallback(self._judge, credentials.username, settings, why)

    def _judge(self, right: bool, username: bytes, settings: Any, why: str) -> bytes:
        if not right:
            raise UnauthorizedLogin(why or "the password is wrong")
        if self.settings(username.decode("latin-1")) != settings:
            raise UnauthorizedLogin("the account has just been changed")
        return username


def _misfit(settings: AccountSettings | None, credentials: Any) -> str:
    """Why an account may not bind from there, whatever its password; "" if it may."""
    if settings is None:
        return "there is no such account"
    if settings.disabled:
        return "the account is disabled"
    address = getattr(credentials, "address", None)
    if settings.networks is not None and not is_in(address, settings.networks):
        return "it may not come from this address"
    certificate = getattr(credentials, "certificate", None)
    if settings.needs_certificate and (certificate is None or not certificate.belongs_to(settings)):
        return "it has not shown its certificate"
    return ""
