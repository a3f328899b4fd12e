"""``twistd smpp smsc`` and ``twistd smpp esme``: options, and the services made of them."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.cred.checkers import FilePasswordDB, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.cred.strcred import AuthOptionMixin
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python import usage

from twisted_smpp.esme import ESMEPool, ESMEService
from twisted_smpp.esme.receiving import Received
from twisted_smpp.events import Timers
from twisted_smpp.factory import BIND_MODES
from twisted_smpp.passwords import read_password
from twisted_smpp.smsc import AccountRealm, SMSCService
from twisted_smpp.text.receipt import Receipt

__all__ = ["Options", "makeService"]

log = Logger()


_TIMERS: list[list[Any]] = [
    ["enquire-interval", None, 30.0, "Seconds of silence until enquire_link; 0: never.", float],
    ["response-timeout", None, 30.0, "Seconds that a request waits for its response.", float],
]


def _timers(options: Any, bind: float) -> Timers:
    return Timers(
        bind=bind,
        response=options["response-timeout"],
        enquire_interval=options["enquire-interval"] or None,
    )


class _OneLineErrors(usage.Options):
    """Options whose errors are one line and exit code 1."""

    def parseOptions(self, options: Any = None) -> None:
        """Twisted: parses; ends the process with one line when something is wrong."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            sys.exit(f"{self.synopsis_name}: {error} (--help shows the options)")

    synopsis_name = "twistd smpp"
    synopsis = "twistd smpp smsc|esme [options]"
    examples = ""

    def getSynopsis(self) -> str:
        """Twisted: the first line of --help."""
        return f"Usage: {self.synopsis}"

    def getUsage(self, width: int | None = None) -> str:
        """Twisted: the text of --help; examples keep their lines."""
        return str(super().getUsage(width)) + self.examples

    def opt_version(self) -> None:
        """Show the version of twisted_smpp and exit."""
        from importlib.metadata import version

        sys.stdout.write(f"twisted_smpp {version('twisted_smpp')}\n")
        sys.exit(0)


class SMSCOptions(_OneLineErrors, AuthOptionMixin):
    """Options of ``twistd smpp smsc``."""

    synopsis_name = "twistd smpp smsc"
    synopsis = "twistd smpp smsc --listen ENDPOINT --auth CHECKER"
    supportedInterfaces = (IUsernamePassword,)
    optParameters = [  # noqa: RUF012
        ["listen", "l", "tcp:2775:interface=127.0.0.1", "Endpoint to listen on (tcp:, ssl:, ...)."],
        ["system-id", None, "twisted_smpp", "What the message centre calls itself."],
        ["window", "w", 10, "Deliveries that may wait for their responses.", int],
        *_TIMERS,
    ]
    longdesc = """Runs a message centre. It accepts messages, gives each an id and, when one
is asked for, answers with a delivery receipt. A file for --auth file: has a line
"system_id:password" for each account (no further colon); --help-auth lists the other
kinds of checkers. Passwords given with memory: can be seen by every user of this machine."""
    examples = """
Examples:

  twistd -n smpp smsc --auth memory:smppclient1:password

  twistd smpp smsc --listen tcp:2775 --auth file:/etc/smpp/passwords

  twistd smpp smsc --listen ssl:3550:privateKey=key.pem:certKey=cert.pem \\
      --auth file:/etc/smpp/passwords
"""

    def postOptions(self) -> None:
        """Checks what belongs together."""
        if not self.get("credCheckers"):
            raise usage.UsageError("--auth is needed: nobody could bind")
        for checker in self["credCheckers"]:
            _prepare(checker)
        _check_numbers(self)


class ESMEOptions(_OneLineErrors):
    """Options of ``twistd smpp esme``."""

    synopsis_name = "twistd smpp esme"
    synopsis = "twistd smpp esme --connect ENDPOINT --system-id ID --password-file FILE"
    optParameters = [  # noqa: RUF012
        ["connect", "c", "tcp:127.0.0.1:2775", "Endpoint of the message centre (tcp:, tls:, ...)."],
        ["system-id", "u", None, "Who the ESME is."],
        ["password-file", "p", None, "File whose first line is the password."],
        ["bind", "b", "transceiver", "transceiver, transmitter or receiver."],
        ["binds", None, 1, "Connections that share the sending.", int],
        ["system-type", None, "", "Kind of ESME, if the message centre asks for it."],
        ["window", "w", 10, "Requests that may wait for their responses.", int],
        *_TIMERS,
    ]
    longdesc = """Binds to a message centre, stays bound, and logs the receipts and the
messages that come (a message by its length, not its text)."""
    examples = """
Examples:

  twistd -n smpp esme --connect tcp:127.0.0.1:2775 --system-id smppclient1 \\
      --password-file password.txt

  twistd smpp esme --connect tls:smsc.example:3550 --system-id smppclient1 \\
      --password-file password.txt --bind receiver
"""

    def postOptions(self) -> None:
        """Checks the options and reads the password."""
        if not self["system-id"]:
            raise usage.UsageError("--system-id is needed")
        if self["bind"] not in BIND_MODES:
            raise usage.UsageError(f"--bind is one of {', '.join(BIND_MODES)}")
        if self["binds"] < 1:
            raise usage.UsageError(f"--binds is {self['binds']}, at least 1 is needed")
        _check_numbers(self)
        self["password"] = ""
        if self["password-file"] is not None:
            try:
                self["password"] = read_password(self["password-file"])
            except ValueError as error:
                raise usage.UsageError(str(error)) from None


class Options(_OneLineErrors):
    """Options of ``twistd smpp``."""

    subCommands = [  # noqa: RUF012
        ["smsc", None, SMSCOptions, "Run a message centre that ESMEs bind to."],
        ["esme", None, ESMEOptions, "Bind to a message centre and stay bound."],
    ]
    longdesc = "SMPP, either side of it. twistd smpp smsc --help shows the options of one."

    def postOptions(self) -> None:
        """Checks that a role was chosen."""
        if self.subCommand is None:
            raise usage.UsageError("say which role: smsc or esme")


def _prepare(checker: Any) -> None:
    """Finds out now whether a checker can work."""
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        # "memory:" keeps what stood on the command line as str; credentials are octets.
        try:
            checker.users = {_octets(user): _octets(word) for user, word in checker.users.items()}
        except UnicodeEncodeError:
            raise usage.UsageError("--auth memory: takes latin-1 only, as SMPP does") from None
    elif isinstance(checker, FilePasswordDB) and not Path(checker.filename).is_file():
        raise usage.UsageError(f"--auth: there is no file {checker.filename}")


def _octets(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def _check_numbers(options: Any) -> None:
    if options["window"] < 1:
        raise usage.UsageError(f"--window is {options['window']}, at least 1 is needed")
    if options["enquire-interval"] < 0:
        raise usage.UsageError("--enquire-interval is negative; 0 switches it off")
    if options["response-timeout"] <= 0:
        raise usage.UsageError("--response-timeout has to be more than 0 seconds")


class ListeningOrExit(SMSCService):
    """A message centre that ends the process with one line when it cannot listen.

    Not in the background: there twistd itself tells its parent of an error, but not of an
    exit, and the parent would wait for ever.
    """

    in_foreground = True

    def _listen(self) -> None:
        try:
            super()._listen()
        except CannotListenError as error:
            if not self.in_foreground:
                raise
            sys.exit(f"twistd smpp smsc: {error}")


def makeService(options: Options, reactor: Any = None) -> IService:
    """The service that the options describe."""
    if reactor is None:
        from twisted.internet import reactor
    role: Any = options.subOptions
    try:
        if isinstance(role, SMSCOptions):
            return _smsc(role, reactor)
        return _esme(role, reactor)
    except ValueError as error:
        sys.exit(f"{role.synopsis_name}: {error}")


def _smsc(options: SMSCOptions, reactor: Any) -> IService:
    portal = Portal(AccountRealm(IReactorTime(reactor)), options["credCheckers"])
    service = ListeningOrExit(
        options["listen"],
        portal,
        system_id=options["system-id"],
        window=options["window"],
        timers=_timers(options, bind=5.0),
        reactor=reactor,
    )
    twistd: Any = options.parent.parent if options.parent is not None else None
    service.in_foreground = twistd is None or bool(twistd.get("nodaemon"))
    return service


def _esme(options: ESMEOptions, reactor: Any) -> IService:
    several = options["binds"] > 1
    make: Any = partial(ESMEPool, binds=options["binds"]) if several else ESMEService
    service: IService = make(
        options["connect"],
        options["system-id"],
        options["password"],
        bind=options["bind"],
        system_type=options["system-type"],
        window=options["window"],
        timers=_timers(options, bind=10.0),
        on_message=_log_message,
        on_receipt=_log_receipt,
        reactor=reactor,
    )
    return service


def _log_message(message: Received) -> None:
    text = message.text
    log.info(
        "message from {source} to {destination}: {size}",
        source=ascii(message.source),
        destination=ascii(message.destination),
        size="octets" if text is None else f"{len(text)} characters",
    )


def _log_receipt(receipt: Receipt, pdu: Any) -> None:
    log.info(
        "receipt for {message_id}: {stat}",
        message_id=ascii(receipt.message_id),
        stat=ascii(receipt.stat),
    )
