"""``twistd smpp smsc`` and ``twistd smpp esme``: options, and the services made of them."""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.application.service import IService
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.cred.strcred import AuthOptionMixin
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python import usage

from twisted_smpp.daemon.checkers import AnyOf
from twisted_smpp.daemon.collector import freeze_when_running
from twisted_smpp.daemon.control import ControlFactory
from twisted_smpp.daemon.ending import Ending
from twisted_smpp.daemon.health import Health
from twisted_smpp.daemon.keeping import (
    KEEPING,
    STORE,
    RouteOptions,
    check_keeping,
    check_store,
    keeping_of,
    routes_of,
    silence_of,
    store_of,
    terms_of,
)
from twisted_smpp.daemon.linking import LINK, LinkOptions, link_settings
from twisted_smpp.daemon.listening import Listeners
from twisted_smpp.daemon.logs import DaemonLog, log_of
from twisted_smpp.daemon.open_files import allow_open_files, take_standard_files
from twisted_smpp.daemon.options import OneLineErrors, named_numbers
from twisted_smpp.daemon.outgoing import OutgoingService
from twisted_smpp.daemon.process import Process
from twisted_smpp.daemon.service import CentreService
from twisted_smpp.daemon.sleepers import Sleepers
from twisted_smpp.esme import ESMEPool, ESMEService
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.esme.receiving import Received
from twisted_smpp.events import Timers
from twisted_smpp.passwords import read_password
from twisted_smpp.smsc import (
    AccountsFile,
    Defence,
    DefenceLimits,
    MessageCentre,
    Pager,
    SMSCService,
)
from twisted_smpp.smsc.networks import read_network
from twisted_smpp.stalls import StallWatch
from twisted_smpp.text.receipt import Receipt

__all__ = ["Options", "makeService", "role_of"]

log = Logger()

#: Where a message centre listens if nobody says.
LISTEN = "tcp:2775:interface=127.0.0.1"

_TIMERS: list[list[Any]] = [
    ["enquire-interval", None, 30.0, "Seconds of silence until enquire_link; 0: never.", float],
    ["response-timeout", None, 30.0, "Seconds that a request waits for its response.", float],
]
_STALL = ["stall", None, 1.0, "Seconds that code may block all else unsaid; 0: for ever.", float]


def _timers(options: Any, bind: float) -> Timers:
    return Timers(
        bind=bind,
        response=options["response-timeout"],
        enquire_interval=options["enquire-interval"] or None,
    )


class SMSCOptions(OneLineErrors, RouteOptions, AuthOptionMixin):
    """Options of ``twistd smpp smsc``."""

    synopsis_name = "twistd smpp smsc"
    synopsis = "twistd smpp smsc --listen ENDPOINT --accounts FILE | --auth CHECKER"
    supportedInterfaces = (IUsernamePassword,)
    optParameters = named_numbers(
        [
            ["accounts", "a", None, "TOML file of the accounts; SIGHUP reads it again."],
            ["client-ca", None, None, "PEM file of who issues the certificates of clients."],
            ["system-id", None, "twisted_smpp", "What the message centre calls itself."],
            ["window", "w", 10, "Deliveries that may wait for their responses.", int],
            ["max-sessions", None, 1000, "Connections that may be bound.", int],
            ["max-unbound", None, 1000, "Connections that may not be bound yet.", int],
            ["max-unbound-per-address", None, 20, "Of one address, not bound yet.", int],
            ["connect-rate", None, 10.0, "New connections of an address in a second.", float],
            ["connect-burst", None, 50, "New connections of an address at once.", int],
            [
                "max-unanswered",
                None,
                100,
                "Submissions of a session that may wait for the disk.",
                int,
            ],
            *_TIMERS,
            ["write-timeout", None, 30.0, "Seconds a peer may take to read what was sent.", float],
            ["drain", None, 30.0, "Seconds to wait at the end for what is in flight.", float],
            ["control", None, None, "Unix socket that tells how it is doing."],
            [
                "silence",
                None,
                None,
                "Minutes that an account may send no message unwarned.",
                float,
            ],
            ["outbind-password-file", None, None, "File with the password that an outbind shows."],
            _STALL,
            *KEEPING,
        ]
    )
    longdesc = """Runs a message centre. What it has accepted is on the disk until it is
delivered or its time is over: in the file of --store, or else in smsc.db in
~/.local/state/twisted_smpp (under systemd, in the StateDirectory of the unit). By default every
message counts as delivered at once; --route sends those to a number elsewhere. SIGTERM ends it
in good order, with exit code 0. The file of --accounts says what each account may do;
smpp account add writes it. A file for --auth file: has a line "system_id:password" for each
account (no further colon); --help-auth lists the other kinds of checkers. Passwords given with
memory: can be seen by every user of this machine."""
    examples = """
Examples:

  twistd -n smpp smsc --auth memory:smppclient1:password

  twistd smpp smsc --listen tcp:2775 --accounts /etc/smpp/accounts.toml

  twistd -n smpp smsc --auth memory:a:secret:b:secret --route 4917=account:b \\
      --default-route nowhere --store /var/lib/smpp/smsc.db

  twistd smpp smsc --listen tcp:2775:interface=192.0.2.1 \\
      --listen ssl:3550:privateKey=key.pem:certKey=cert.pem --accounts /etc/smpp/accounts.toml

  twistd smpp smsc --listen ssl:3550:privateKey=key.pem:certKey=cert.pem \\
      --client-ca customers.pem --accounts /etc/smpp/accounts.toml

  twistd smpp smsc --listen haproxy:tcp:2775 --proxy 192.0.2.10/32 \\
      --accounts /etc/smpp/accounts.toml
"""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["proxies"] = []
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Endpoint to listen at (tcp:, ssl:, ...), may be repeated; without any it is
        tcp:2775:interface=127.0.0.1.
        """
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_auth(self, description: str) -> None:
        """Who may bind: a kind of checker and what it needs; may be given again."""
        kind, _, path = description.partition(":")
        if kind == "file" and not Path(path).is_file():
            raise usage.UsageError(f"--auth: there is no file {path}")
        try:
            super().opt_auth(description)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            why = str(error).removeprefix("Unexpected error: ")
            raise usage.UsageError(f"--auth {kind}: {why}") from None

    def opt_proxy(self, network: str) -> None:
        """Network of proxies that may connect; needed with --listen haproxy:, may be repeated."""
        try:
            self["proxies"].append(read_network(network))
        except ValueError as error:
            raise usage.UsageError(f"--proxy: {error}") from None

    def postOptions(self) -> None:
        """Checks what belongs together."""
        checkers = self.get("credCheckers") or []
        if not checkers and self["accounts"] is None:
            raise usage.UsageError("--accounts or --auth is needed: nobody could bind")
        if checkers and self["accounts"] is not None:
            raise usage.UsageError("either --accounts or --auth, not both")
        self["listen"] = self["listen"] or [LISTEN]
        if {each.startswith("haproxy:") for each in self["listen"]} != {bool(self["proxies"])}:
            raise usage.UsageError(
                "--listen haproxy: and --proxy need each other, for all listeners or for none"
            )
        is_tls = any(each.startswith("ssl:") for each in self["listen"])
        if self["client-ca"] is not None and not is_tls:
            raise usage.UsageError("--client-ca needs --listen ssl:")
        for checker in checkers:
            _prepare(checker)
        for name in ("max-sessions", "max-unbound", "max-unbound-per-address"):
            if self[name] < 1:
                raise usage.UsageError(f"--{name} is {self[name]}, at least 1 is needed")
        _check_numbers(self)
        if self["max-unanswered"] < 1:
            raise usage.UsageError("--max-unanswered has to be 1 or more")
        if not self["connect-rate"] > 0:
            raise usage.UsageError("--connect-rate has to be more than 0")
        if self["connect-burst"] < 1:
            raise usage.UsageError("--connect-burst has to be 1 or more")
        for name in ("write-timeout", "drain"):
            if not self[name] > 0:
                raise usage.UsageError(f"--{name} has to be more than 0 seconds")
        if self["silence"] is not None and not self["silence"] > 0:
            raise usage.UsageError("--silence has to be more than 0 minutes")
        self["outbind-password"] = ""
        if self["outbind-password-file"] is not None:
            self["outbind-password"] = _password("--outbind-password-file", self)
        check_keeping(self)


class ESMEOptions(OneLineErrors, LinkOptions):
    """Options of ``twistd smpp esme``."""

    synopsis_name = "twistd smpp esme"
    synopsis = "twistd smpp esme --connect ENDPOINT --system-id ID --password-file FILE"
    optParameters = named_numbers(
        [
            *LINK,
            ["control", None, None, "Unix socket at which other programs hand over messages."],
            _STALL,
            *STORE,
        ]
    )
    longdesc = """Binds to a message centre, stays bound, and logs the receipts and the
messages that come (a message by its length, not its text). At the socket of --control it
takes messages, a JSON object a line. They are kept until they have come to their end: in
the file of --store, or else in esme-ID.db, with the system_id, in $STATE_DIRECTORY, in
$XDG_STATE_HOME/twisted_smpp or in ~/.local/state/twisted_smpp."""
    examples = """
Examples:

  twistd -n smpp esme --connect tcp:127.0.0.1:2775 --system-id smppclient1 \\
      --password-file password.txt

  twistd smpp esme --connect tls:smsc.example:3550 --system-id smppclient1 \\
      --password-file password.txt --bind receiver

  twistd smpp esme --connect tls:smsc1.example:3550 --connect tls:smsc2.example:3550 \\
      --system-id smppclient1 --password-file password.txt --profile carrier.toml --rate 20

  twistd smpp esme --connect tls:smsc.example:3550 --system-id smppclient1 \\
      --password-file password.txt --control /run/smpp/control --unknown hold
"""

    def postOptions(self) -> None:
        """Checks the options, reads the profile and the password."""
        self.check_link()
        if self["control"] is not None and (
            self["store"] == "memory" or self["bind"] == "receiver"
        ):
            raise usage.UsageError(
                "--control takes messages: it needs a --store that is no memory, and a --bind "
                "that can send"
            )
        if self["unknown"] == "hold" and self["control"] is None:
            raise usage.UsageError("--unknown hold needs --control: smpp control decides")
        _check_stall(self)
        check_store(self)


class Options(OneLineErrors):
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


def _password(option: str, options: Any) -> str:
    """The password in the file of an option."""
    try:
        return read_password(options[option.removeprefix("--")])
    except ValueError as error:
        raise usage.UsageError(f"{option}: {error}") from None


def _octets(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def _check_numbers(options: Any) -> None:
    if options["window"] < 1:
        raise usage.UsageError(f"--window is {options['window']}, at least 1 is needed")
    if options["enquire-interval"] < 0:
        raise usage.UsageError("--enquire-interval is negative; 0 switches it off")
    if options["response-timeout"] <= 0:
        raise usage.UsageError("--response-timeout has to be more than 0 seconds")
    _check_stall(options)


def _check_stall(options: Any) -> None:
    if not options["stall"] >= 0:
        raise usage.UsageError(f"--stall: {options['stall']:g} is negative, or no number; 0 is off")


def _take_steady_time(reactor: Any) -> None:
    """No timer depends on the wall clock, which may be set; to be called before the first one."""
    reactor.seconds = time.monotonic


def makeService(options: Options) -> IService:
    """Twisted: the process that the options describe."""
    from twisted.internet import reactor

    _take_steady_time(reactor)
    freeze_when_running(reactor)
    take_standard_files()
    twistd = _twistd(options.subOptions)
    log: DaemonLog | None = None
    watch = _watch_of(options.subOptions, reactor)
    role = role_of(options, reactor, lambda: 0 if log is None else log.lost, watch)
    if twistd and not twistd.get("logger"):
        try:
            log = log_of(twistd)
        except ValueError as error:
            sys.exit(f"{options.subOptions.synopsis_name}: {error}")
        atexit.register(log.writer.close)
    return Process(role, log, watch)


def _watch_of(options: Any, reactor: Any) -> StallWatch | None:
    return StallWatch(options["stall"], reactor=reactor) if options["stall"] else None


def role_of(
    options: Options,
    reactor: Any,
    lost: Callable[[], int] = int,
    watch: StallWatch | None = None,
) -> IService:
    """The service of the role that the options describe.

    Args:
        options: of ``twistd smpp``, parsed.
        reactor: that it runs in.
        lost: returns how many lines of the log were lost.
        watch: of the reactor, or None.
    """
    role: Any = options.subOptions
    ending = Ending(reactor)
    ending.take_signals()
    health = partial(Health, reactor.seconds, lost=lost, watch=watch)
    try:
        if isinstance(role, SMSCOptions):
            return _smsc(role, reactor, ending, health)
        return _esme(role, reactor, ending, health)
    except ValueError as error:
        sys.exit(f"{role.synopsis_name}: {error}")


def _twistd(options: Any) -> Any:
    """The options of twistd itself; none without it."""
    return (options.parent.parent if options.parent is not None else None) or {}


def _smsc(
    options: SMSCOptions, reactor: Any, ending: Ending, health: Callable[[Any], Health]
) -> IService:
    allow_open_files(options["max-sessions"], options["max-unbound"])
    twistd = _twistd(options)
    accounts = None
    if options["accounts"] is not None:
        accounts = AccountsFile(options["accounts"], reactor)
    centre = MessageCentre(
        store_of(options, reactor),
        routes=routes_of(options, accounts),
        terms=terms_of(options, accounts),
        keeping=keeping_of(options),
        clock=reactor,
    )
    listeners = Listeners(options["listen"], reactor, time.time, options["client-ca"])
    smsc = SMSCService(
        listeners,
        Portal(centre, [AnyOf(options["credCheckers"]) if accounts is None else accounts]),
        system_id=options["system-id"],
        accounts=accounts,
        defence=_defence(options, reactor),
        window=options["window"],
        max_unanswered=options["max-unanswered"],
        timers=_timers(options, bind=5.0),
        write_timeout=options["write-timeout"],
        drain=options["drain"],
        reactor=reactor,
    )
    if accounts is not None:
        _follow(accounts, centre, smsc, options, reactor)
    return CentreService(
        smsc,
        centre,
        ending,
        reactor,
        in_foreground=bool(twistd.get("nodaemon", True)),
        accounts=accounts,
        sheds_privileges=any(twistd.get(name) is not None for name in ("uid", "gid")),
        control=options["control"],
        certificates=listeners.certificates,
        health=health(centre.store),
        silence=silence_of(options, accounts),
    )


def _follow(
    accounts: AccountsFile, centre: MessageCentre, smsc: SMSCService, options: Any, reactor: Any
) -> None:
    """The message centre goes by the accounts file, as it is now and as it will be."""
    accounts.on_change(centre.renew_terms)
    centre.pager = Pager(
        smsc.factory,
        Sleepers(accounts, reactor),
        system_id=options["system-id"],
        password=options["outbind-password"],
        clock=IReactorTime(reactor),
    )
    warn = partial(_warn_of_certificates, options, accounts)
    warn()
    accounts.on_change(warn)


def _warn_of_certificates(options: SMSCOptions, accounts: AccountsFile) -> None:
    """An account that needs a certificate needs a listener that asks for it."""
    known = ("tcp:", "tcp6:", "ssl:")
    if options["client-ca"] is None and all(each.startswith(known) for each in options["listen"]):
        for each in accounts.accounts.values():
            if each.needs_certificate:
                log.warn(
                    "{name} cannot bind: it needs a certificate, and without --client-ca "
                    "nobody is asked for one",
                    name=ascii(each.system_id),
                )


def _defence(options: SMSCOptions, reactor: Any) -> Defence:
    limits = DefenceLimits(
        sessions=options["max-sessions"],
        unbound=options["max-unbound"],
        unbound_per_address=options["max-unbound-per-address"],
        connects=options["connect-rate"],
        connect_burst=options["connect-burst"],
    )
    return Defence(IReactorTime(reactor), limits, options["proxies"] or None)


def _esme(
    options: ESMEOptions, reactor: Any, ending: Ending, health: Callable[[Any], Health]
) -> IService:
    make: Any = ESMEPool if options["binds"] > 1 else ESMEService
    system_id = options["system-id"]
    # A receiver sends nothing that had to be kept.
    keeps = options["bind"] != "receiver" and options["store"] != "memory"
    store = outbox = None
    if keeps:
        store = store_of(options, reactor, f"esme-{quote(system_id, safe='')}.db")
        outbox = Outbox(store, system_id, on_recovered=lambda message: control.watch(message))
    link: IService = make(
        **link_settings(options),
        on_message=_log_message,
        on_receipt=_log_receipt,
        outbox=outbox,
        reactor=reactor,
    )
    if outbox is None:
        return link
    well = health(store)
    control = ControlFactory(link, outbox, health=well.status)
    return OutgoingService(
        link,
        store,
        ending,
        reactor,
        control,
        options["control"],
        in_foreground=bool(_twistd(options).get("nodaemon", True)),
        health=well,
    )


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
