"""The message centre as a process: its store, its messages and its listener in their order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.daemon.certificate import ServerCertificate
from twisted_smpp.daemon.control import ControlUnusable, StatusFactory, listen
from twisted_smpp.daemon.ending import Ending, exit_with
from twisted_smpp.daemon.health import Health
from twisted_smpp.daemon.questions import Questions
from twisted_smpp.errors import StoreError, StoreFailed
from twisted_smpp.smsc import AccountsFile, MessageCentre, SMSCService
from twisted_smpp.smsc.traffic import Traffic

__all__ = ["CentreService"]

#: Seconds that sessions have for unbind and the end, after what was in flight had its time.
GRACE = 10.0


class CentreService(Service):
    """Opens the store, finds what waits in it, listens; and all of that backwards.

    Args:
        smsc: listens for the accounts of the centre.
        centre: the messages; its store is closed.
        ending: is told with which exit code the process has to end.
        clock: an ``IReactorTime``.
        in_foreground: whether errors at the start end the process with one line. In the
            background twistd itself tells its parent of an error, but not of an exit, and the
            parent would wait for ever.
        accounts: a file that is read again at SIGHUP, or None.
        sheds_privileges: whether twistd changes its user after it listens. Then the store is
            opened behind that, so that its files belong to that user.
        control: the path of a Unix socket that tells how the process is doing and does what
            :class:`~twisted_smpp.daemon.questions.Questions` says; None for none.
        certificates: of the listeners, read again at SIGHUP.
        health: of the process; None for one of its own.
        silence: returns, for a system_id, after how many seconds without a message from it an
            account counts as silent; None: never.
    """

    log = Logger()

    def __init__(
        self,
        smsc: SMSCService,
        centre: MessageCentre,
        ending: Ending,
        clock: Any,
        *,
        in_foreground: bool = True,
        accounts: AccountsFile | None = None,
        sheds_privileges: bool = False,
        control: str | None = None,
        certificates: Sequence[ServerCertificate] = (),
        health: Health | None = None,
        silence: Callable[[str], float | None] = lambda name: None,
    ) -> None:
        self.smsc = smsc
        self.centre = centre
        self.store = centre.store
        self.in_foreground = in_foreground
        self.sheds_privileges = sheds_privileges
        self._accounts = accounts
        self._at_hangup: Any = None
        self._ending = ending
        self._clock = clock
        self._failing: Deferred[Any] | None = None
        self._health = health or Health(clock.seconds, centre.store)
        names: Any = (lambda: accounts.accounts) if accounts is not None else tuple
        self.traffic = Traffic(centre, silence, names, clock)
        self._certificates = tuple(certificates)
        self._control_path = control
        self._control = StatusFactory(self.status, ask=Questions(centre).ask)
        self._control_port: Any = None

    def status(self) -> dict[str, Any]:
        """How it is doing, for the control socket."""
        return {
            **self._health.status(),
            "connections": len(self.smsc.factory.connections),
            "sessions": len(self.smsc.sessions),
            "put_aside": getattr(self.store, "put_aside", 0),
            "accounts": self.traffic.status(),
        }

    # Start.

    def privilegedStartService(self) -> None:
        """Listens now if it could not later."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        if self.sheds_privileges:
            self._or_exit(self.smsc.privilegedStartService)

    def startService(self) -> None:
        """Opens the store, listens, delivers what waits.

        Raises:
            StoreError: the store cannot be opened, and this is not in the foreground.
            CannotListenError, ValueError: the port is taken, not allowed or none, and likewise.
            ControlUnusable: the path of the control socket cannot be used, and likewise.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._health.start()
        self._or_exit(self.store.open)
        self.log.info("the messages are kept in {store}", store=self.store)
        self._failing = self.store.when_failed()
        self._failing.addCallbacks(self._store_failed, lambda why: why.trap(CancelledError))
        if self._control_path is not None:
            self._or_exit(self._listen_for_control)
        self._or_exit(self.smsc.startService)
        self.traffic.start()
        self.centre.start().addErrback(self._not_started)
        for each in self._certificates:
            each.start()
        # Also when there is nothing to read again: by itself SIGHUP would end the process.
        reload, clock = self._reload, self._clock
        self._at_hangup = signal.signal(signal.SIGHUP, lambda *_: clock.callFromThread(reload))

    def _reload(self) -> None:
        if self._accounts is None and not self._certificates:
            self.log.info("SIGHUP: there are no accounts and no certificate to be read again")
        if self._accounts is not None:
            self._accounts.reload()
        for each in self._certificates:
            each.reload()

    def _listen_for_control(self) -> None:
        self._control_port = listen(self._clock, self._control_path or "", self._control)

    def _or_exit(self, step: Any) -> None:
        try:
            step()
        except (CannotListenError, ControlUnusable, StoreError, ValueError) as error:
            if not self.in_foreground:
                self.log.critical("{error}", error=str(error))
                raise
            code = error.exit_code if isinstance(error, StoreError) else 1
            exit_with(code, f"twistd smpp smsc: {error}")

    def _not_started(self, failure: Failure) -> None:
        if not failure.check(StoreFailed):  # which the store has told already
            self.log.failure("what waits in the store could not be found", failure)
            self._ending.stop(StoreFailed.exit_code)

    def _store_failed(self, error: StoreFailed) -> None:
        """It takes nothing more: the process starts again, and looks at it first."""
        self._failing = None
        self._ending.stop(error.exit_code)

    # Stop.

    def stopService(self) -> Deferred[Any]:
        """Stops to listen and to deliver, awaits what is in flight, unbinds, closes the store."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._failing is not None:
            self._failing.cancel()
            self._failing = None
        if self._at_hangup is not None:
            signal.signal(signal.SIGHUP, self._at_hangup)
            self._at_hangup = None
        self.traffic.stop()
        for each in self._certificates:
            each.stop()
        self.centre.stop()
        seconds = self.smsc.factory.drain + GRACE
        cut = self._clock.callLater(seconds, self._cut, seconds)
        ended = self.smsc.stopService()
        ended.addBoth(lambda _: cut.cancel() if cut.active() else None)
        port, self._control_port = self._control_port, None
        if port is not None:
            ended.addCallback(lambda _: port.stopListening())
        ended.addCallback(lambda _: self.store.close())
        return ended.addCallbacks(self._closed, self._not_closed)

    def _cut(self, seconds: float) -> None:
        connections = list(self.smsc.factory.connections)
        self.log.warn(
            "{count} connections are cut: they have not ended within {seconds:g} s",
            count=len(connections),
            seconds=seconds,
        )
        for connection in connections:
            connection.abort()

    def _closed(self, _: Any) -> None:
        self._health.stop()
        for each in list(self._control.connections):
            each.transport.loseConnection()  # type: ignore[union-attr]
        self.log.info("{store} is closed", store=self.store)

    def _not_closed(self, failure: Failure) -> None:
        self._health.stop()
        self.log.critical("{error}", error=failure.getErrorMessage())
        self._ending.stop(StoreFailed.exit_code)
