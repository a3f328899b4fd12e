"""The certificate of a listener: read again without a restart, and warned of before its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificates
from OpenSSL.crypto import X509
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IDelayedCall, IOpenSSLContextFactory
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.logger import Logger
from zope.interface import implementer

from twisted_smpp.endpoints import server_endpoint

__all__ = ["ServerCertificate"]

#: Seconds between two looks at the end of the certificate.
LOOK_SECONDS = 3600.0
DAY = 86_400.0
#: Days before the end at which it is told, each once; the last is the end itself.
TOLD_DAYS = (30, 7, 1, 0)


@implementer(IOpenSSLContextFactory)
class ServerCertificate:
    """What connections to an ``ssl:`` endpoint are made with: the files as last read.

    Args:
        description: of the endpoint.
        reactor: listens, and is the clock.
        now: returns seconds since 1970.
        client_ca: a PEM file of the authorities whose certificates clients may show; None: they
            are not asked for any. Who shows none may connect; who shows another may not.

    Attributes:
        endpoint: listens; connections that are made get the newest certificate.

    Raises:
        ValueError: the endpoint or the file cannot be used.
    """

    log = Logger()

    def __init__(
        self,
        description: str,
        reactor: Any,
        now: Callable[[], float],
        client_ca: str | None = None,
    ) -> None:
        self._description = description
        self._client_ca = client_ca
        self._reactor = reactor
        self._now = now
        self._call: IDelayedCall | None = None
        self._told: int | None = None
        self.endpoint: Any = server_endpoint(reactor, description)
        self._options: Any = None
        if isinstance(self.endpoint, SSL4ServerEndpoint):
            self._options = self._asking(self.endpoint._sslContextFactory)
            self.endpoint._sslContextFactory = self

    def _asking(self, options: Any) -> Any:
        """The same options, asking clients for certificates if they are to show any."""
        if self._client_ca is not None:
            options.verify, options.requireCertificate = True, False
            options.trustRoot = _authorities(self._client_ca)
        return options

    def getContext(self) -> Any:  # noqa: N802
        """Twisted: what the next connection is made with."""
        return self._options.getContext()

    def start(self) -> None:
        """Looks at the end of the certificate now and from time to time; without one, never."""
        if self._options is not None:
            self._look()

    def stop(self) -> None:
        """Looks no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def reload(self) -> None:
        """Reads the files again; what cannot be used leaves the old certificate in force."""
        if self._options is None:
            return
        try:
            new: Any = server_endpoint(self._reactor, self._description)
            options = self._asking(new._sslContextFactory)
            options.getContext()
        except Exception as error:  # of the files, of OpenSSL, of either's reader
            self.log.error(
                "the certificate cannot be used, the old one stays: {why}",
                why=str(error) or type(error).__name__,
            )
            return
        self._options = options
        self._told = None
        self.log.info("the certificate was read; it ends on {end:%Y-%m-%d}", end=self._end())
        self._warn()

    def _end(self) -> datetime:
        text = self._options.certificate.get_notAfter().decode("ascii")
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)

    def _look(self) -> None:
        self._call = self._reactor.callLater(LOOK_SECONDS, self._look)
        self._warn()

    def _warn(self) -> None:
        end = self._end()
        days = (end.timestamp() - self._now()) / DAY
        passed = [each for each in TOLD_DAYS if days <= each]
        if not passed or self._told == passed[-1]:
            return
        self._told = passed[-1]
        if days <= 0:
            self.log.error("the certificate has expired on {end:%Y-%m-%d}", end=end)
        else:
            self.log.warn(
                "the certificate ends on {end:%Y-%m-%d}, in {days:.1f} days", end=end, days=days
            )


def _authorities(path: str) -> Any:
    """What verifies that certificates are of the authorities in a PEM file."""
    try:
        read = load_pem_x509_certificates(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"--client-ca {path}: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"--client-ca {path}: it is no PEM file of certificates") from None
    return trustRootFromCertificates([Certificate(X509.from_cryptography(each)) for each in read])
