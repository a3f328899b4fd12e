"""The run of a probe: one check after the other, whatever becomes of each.

The checks themselves are functions in :mod:`twisted_smpp.probe.checks`. They ask the
:class:`Probe` for a session that is bound as they need it, and get the one that is there or
a new one: what one check has broken is no concern of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_smpp.endpoints import client_endpoint
from twisted_smpp.errors import SMPPError
from twisted_smpp.esme.addresses import Address
from twisted_smpp.events import Timers
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.probe.check import Check, NotTried, said
from twisted_smpp.probe.checks import CHECKS
from twisted_smpp.probe.findings import Finding, Report, Result, inconclusive, not_tried
from twisted_smpp.probe.inbox import Inbox
from twisted_smpp.probe.visit import Reply, Visit
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["Probe"]

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0
#: The version that checks prefer to speak, if the message centre does.
_USUAL_FIRST, _NEWEST_FIRST = (V3_4, V5_0, V3_3), (V5_0, V3_4, V3_3)
#: Connections in a row on which nothing is heard, until the message centre is given up.
_MOST_DEAF = 3
#: How often a message goes again that is refused because of the load, after a pause each.
_TRIES = 3
_BUSY = frozenset({CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL})
#: A check that takes so many times the seconds of an answer hangs.
_HANGS_AFTER = 10
_WRONG_ACCOUNT = frozenset({CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RINVSYSID})
_MOST_VIOLATIONS = 100


class CannotConnect(Exception):
    """No connection; its text says why."""


class Probe:
    """Finds out what a message centre supports and what it violates.

    It refuses, with ESME_RX_T_APPN, what the message centre delivers meanwhile and is not
    a receipt of its own messages: that is for the application which has the account.

    Args:
        endpoint: the message centre, an ``IStreamClientEndpoint`` or a description.
        system_id, password, system_type: of the binds.
        reactor: for endpoints and time; None for the global one.
        to: who gets the messages; "" sends none.
        source: who sends them.
        binds: the modes to try.
        versions: the versions to try.
        timeout: seconds for each connection and each answer.
        receipt_timeout: seconds to wait for a receipt.
        pause: seconds between two binds.
        window: requests that are outstanding at once in the check of that.
        wrong_password: whether a wrong password is tried, which may lead to a ban.
        on_progress: called with each :class:`Check` before it is made.
        checks: what to find out.

    Attributes:
        report: what was found so far.

    Raises:
        ValueError: an argument cannot be used; says which, and why.
    """

    log = Logger()

    def __init__(
        self,
        endpoint: str | IStreamClientEndpoint,
        system_id: str,
        password: str = "",
        *,
        reactor: Any = None,
        system_type: str = "",
        to: str = "",
        source: str = "",
        binds: Iterable[str] = ("transceiver", "transmitter", "receiver"),
        versions: Iterable[InterfaceVersion] = _USUAL_FIRST,
        timeout: float = 10.0,
        receipt_timeout: float = 60.0,
        pause: float = 1.0,
        window: int = 10,
        wrong_password: bool = False,
        on_progress: Callable[[Check], object] | None = None,
        checks: Sequence[Check] = CHECKS,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        if isinstance(endpoint, str):
            endpoint = client_endpoint(reactor, endpoint)
        if timeout <= 0 or receipt_timeout <= 0:
            raise ValueError("timeout and receipt_timeout must be more than 0 s")
        if window < 1:
            raise ValueError(f"window is {window}, at least 1 is needed")
        self._endpoint = endpoint
        self.clock = reactor
        self.account: dict[str, Any] = {"system_id": system_id, "system_type": system_type}
        self.password = password
        self.fields = _addresses(to, source)
        self.to = to
        self.binds = tuple(binds)
        self.versions = tuple(versions)
        self.timeout = timeout
        self.receipt_timeout = receipt_timeout
        self._pause = pause
        self.window = window
        self._with_wrong_password = wrong_password
        self._on_progress = on_progress
        self._checks = checks
        self._begin()
        self._factory("transmitter", V3_4, password, {})  # wrong values are said at once

    def _begin(self) -> None:
        """Nothing is known yet."""
        self.report = Report()
        self.inbox = Inbox(self.clock)
        #: The message that a receipt was asked for: its id, and when it was accepted.
        self.receipted: tuple[str, float] | None = None
        #: The binds that were accepted: mode and version.
        self.accepted: list[tuple[str, InterfaceVersion]] = []
        #: Whether enquire_link is answered, as far as known.
        self.enquires = True
        #: The highest congestion_state of any response.
        self.congestion: int | None = None
        self._checking = ""
        self._current: Deferred[Result] | None = None
        self._visit: Visit | None = None
        self._left_at: float | None = None
        self._deaf = 0
        self._account_refused = ""

    # The run.

    @property
    def messages(self) -> int:
        """How many messages :meth:`run` sends."""
        return sum(check.messages for check in self._checks) if self.to else 0

    def run(self) -> Deferred[Report]:
        """Makes every check; fires with the report, whatever happens."""
        return Deferred.fromCoroutine(self._run())

    def stop(self) -> None:
        """Ends the run as soon as possible; the report has what was found so far."""
        self.report.interrupted = True
        if self._visit is not None:
            self._visit.abort()
        if self._current is not None:
            self._current.cancel()

    async def _run(self) -> Report:
        for check in self._checks:
            self._checking = check.name
            result = await self._make(check)
            self._keep(self._visit)
            self.report.findings.append(Finding(check.name, check.title, *result))
        await self.leave()
        return self.report

    async def _make(self, check: Check) -> Result:
        why_not = self._why_not(check)
        if why_not:
            return not_tried(why_not)
        if self._on_progress is not None:
            self._on_progress(check)
        limit = _HANGS_AFTER * self.timeout + self._pause
        limit += self.receipt_timeout if check.waits else 0.0
        current = Deferred.fromCoroutine(self._result(check))
        self._current = current.addTimeout(limit, self.clock)
        try:
            return await self._current
        except DeferredTimeout:
            return inconclusive(f"It was not over within {limit:g} s.")
        except CancelledError:
            return inconclusive("It was interrupted.")
        finally:
            self._current = None

    async def _result(self, check: Check) -> Result:
        try:
            return await check.run(self)
        except CancelledError:
            raise
        except NotTried as error:
            return not_tried(str(error))
        except (CannotConnect, SMPPError) as error:
            return inconclusive(f"{error}.")
        except Exception as error:
            self.log.failure("the check {name} failed", name=check.name)
            return inconclusive(f"The check itself failed: {type(error).__name__}.")

    def _why_not(self, check: Check) -> str:
        if self.report.interrupted:
            return "The probe was interrupted before."
        if self.report.unreachable:
            return "The message centre cannot be reached."
        if check.wrong_password and not self._with_wrong_password:
            return "It may lead to a ban, and was not asked for."
        if self._account_refused:
            return f"The account is refused ({self._account_refused}); it is not tried again."
        if (check.messages or check.waits) and not self.to:
            return "It sends messages, and no address was given."
        return ""

    def _keep(self, visit: Visit | None) -> None:
        """Takes over what was noticed on a connection besides the answers."""
        if visit is None:
            return
        while visit.violations:
            self.report.violations.append((self._checking, visit.violations.popleft()))
        del self.report.violations[_MOST_VIOLATIONS:]
        self.report.refused_deliveries = self.inbox.refused
        if visit.congestion is not None:
            self.congestion = max(self.congestion or 0, visit.congestion)

    # Sessions, for the checks.

    async def session(self, *modes: str, newest: bool = False) -> Visit:
        """A session that is bound: the one that is there, or a new one.

        Args:
            modes: what will do, the best first.
            newest: whether the newest version is wanted, not the usual one.

        Raises:
            NotTried: no such bind was accepted.
            SMPPError, CannotConnect: it was, but it is not any more.
        """
        order = _NEWEST_FIRST if newest else _USUAL_FIRST
        mine = [(m, v) for v in order for m in modes if (m, v) in self.accepted]
        if not mine:
            raise NotTried(f"No bind as {' or '.join(modes)} was accepted.")
        mode, version = mine[0]
        visit = self._visit
        if visit is not None and visit.bound and (visit.mode, visit.version) == (mode, version):
            return visit
        visit = await self.open(mode, version)
        if not visit.bound:
            raise CannotConnect(f"The bind is not accepted any more: {said(visit.bind_reply)}")
        return visit

    async def open(
        self, mode: str, version: InterfaceVersion, password: str | None = None
    ) -> Visit:
        """A new connection that has tried to bind; the one before it is left first.

        Raises:
            CannotConnect: there is none.
        """
        await self.leave()
        await self._wait()
        visit = Visit(self.clock, mode, version, self.timeout)
        password = self.password if password is None else password
        settings = {
            "on_bound": visit.bind_accepted,
            "on_refused": visit.bind_failed,
            "on_lost": visit.lost,
            "on_violation": visit.violated,
            "taps": [visit.saw],
        }
        factory = self._factory(mode, version, password, settings)
        self._visit = visit
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        connecting.addTimeout(self.timeout, self.clock)
        try:
            visit.connected(await connecting)
            await visit.settled
        except CancelledError:
            raise
        except Exception as error:  # of the endpoint: anything can be wrong with it
            self._visit = None
            self._unheard(f"cannot connect: {_in_words(error, self.timeout)}")
            raise CannotConnect(f"It cannot connect: {_in_words(error, self.timeout)}") from None
        self._heard(visit)
        return visit

    def _factory(
        self, mode: str, version: InterfaceVersion, password: str, settings: dict[str, Any]
    ) -> ESMEFactory:
        seconds = self.timeout
        return ESMEFactory(
            password=password,
            bind=mode,
            interface_version=version,
            window=max(self.window, 10),
            timers=Timers(seconds, seconds, None, seconds),
            clock=self.clock,
            on_request=self.inbox.take,
            **self.account,
            **settings,
        )

    async def leave(self) -> None:
        """Ends the present connection, if there is one."""
        visit = self._visit
        if visit is not None:
            await visit.leave()
            self._visit = None  # not before: until then it can be stopped
            self._keep(visit)
            self._left_at = self.clock.seconds()

    async def _wait(self) -> None:
        """The pause between two binds."""
        if self._left_at is not None:
            left = self._left_at + self._pause - self.clock.seconds()
            if left > 0:
                await deferLater(self.clock, left)

    def _heard(self, visit: Visit) -> None:
        reply = visit.bind_reply
        if not visit.heard:
            self._unheard(f"it {reply.why}" + (visit.why_lost and f" ({visit.why_lost})"))
            return
        self.report.reached, self._deaf = True, 0
        if visit.bound:
            self.accepted.append((visit.mode, visit.version))
            self.report.system_id = getattr(reply.pdu, "system_id", "") or self.report.system_id
        elif not self.accepted and reply.status in _WRONG_ACCOUNT:
            self._account_refused = reply.status_name

    def _unheard(self, why: str) -> None:
        self._deaf += 1
        connects = not why.startswith("cannot")
        if self._deaf >= _MOST_DEAF or not (connects or self.report.reached):
            self.report.unreachable = why

    # Messages, for the checks.

    async def submit(self, request: Any, *, raw: bool = False) -> Reply:
        """Sends a message; what is refused because of the load goes again a little later.

        Args:
            request: the message.
            raw: whether it is sent although its values are not allowed.

        Raises:
            NotTried: no bind for it was accepted.
            SMPPError, CannotConnect: there is no session any more.
        """
        for attempt in range(_TRIES):
            if attempt:
                await deferLater(self.clock, max(self._pause, 1.0))
            visit = await self.session("transceiver", "transmitter")
            with self.inbox.submitting():
                reply = await visit.ask(request, raw=raw)
                if reply.status == 0:
                    self.report.accepted += 1
                    self.inbox.submitted(getattr(reply.pdu, "message_id", ""))
            if reply.status not in _BUSY:
                break
        return reply


def _in_words(error: Exception, seconds: float) -> str:
    if isinstance(error, DeferredTimeout):
        return f"no connection within {seconds:g} s"
    return str(error) or type(error).__name__


def _addresses(to: str, source: str) -> dict[str, Any]:
    """The fields of a message.

    Raises:
        ValueError: an address cannot be sent.
    """
    destination, sender = Address.guess(to), Address.guess(source)
    fields: dict[str, Any] = {
        "source_addr_ton": sender.ton,
        "source_addr_npi": sender.npi,
        "source_addr": sender.addr,
        "dest_addr_ton": destination.ton,
        "dest_addr_npi": destination.npi,
        "destination_addr": destination.addr,
    }
    SubmitSM(**fields).encode()
    return fields
