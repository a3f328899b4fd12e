"""The ESME as a process: its store, its links and its control socket in their order."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.daemon.control import ControlFactory, ControlUnusable, listen
from twisted_smpp.daemon.ending import Ending, exit_with
from twisted_smpp.daemon.health import Health
from twisted_smpp.errors import SessionLost, StoreError, StoreFailed

__all__ = ["OutgoingService"]


class OutgoingService(Service):
    """Opens the store, goes on with what waits in it, takes messages; and all of that backwards.

    Args:
        link: an :class:`~twisted_smpp.esme.service.ESMEService` or
            :class:`~twisted_smpp.esme.pool.ESMEPool`, with an outbox in the store.
        store: it is closed.
        ending: is told with which exit code the process has to end.
        reactor: listens at the control socket.
        control: the connections of the control socket.
        health: of the process, or None.
        path: of the control socket; None for none.
        in_foreground: whether errors at the start end the process with one line. In the
            background twistd itself tells its parent of an error.
    """

    log = Logger()

    def __init__(
        self,
        link: Any,
        store: Any,
        ending: Ending,
        reactor: Any,
        control: ControlFactory,
        path: str | None = None,
        *,
        in_foreground: bool = True,
        health: Health | None = None,
    ) -> None:
        self.link = link
        self.store = store
        self.in_foreground = in_foreground
        self._ending = ending
        self._reactor = reactor
        self._control = control
        self._path = path
        self._port: Any = None
        self._health = health
        self._failing: Deferred[Any] | None = None

    def startService(self) -> None:
        """Opens the store, connects, listens at the control socket.

        Raises:
            StoreError: the store cannot be opened, and this is not in the foreground.
            ControlUnusable: the path of the control socket cannot be used, and likewise.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._health is not None:
            self._health.start()
        self._or_exit(self.store.open)
        self.log.info("the messages are kept in {store}", store=self.store)
        self._failing = self.store.when_failed()
        self._failing.addCallbacks(self._store_failed, lambda why: why.trap(CancelledError))
        if self._path is not None:
            self._or_exit(self._listen)
        self._await_recovery()
        self.link.startService()

    def _await_recovery(self) -> None:
        recovered = self._control.outbox.when_recovered()
        recovered.addCallbacks(self._recovered, self._not_recovered)

    def _not_recovered(self, failure: Failure) -> None:
        """Why it is not is in the log; what could not be read is read again, later."""
        if not failure.check(StoreFailed, SessionLost):
            self._await_recovery()

    def _recovered(self, _: int) -> None:
        held = self.link.held
        if held:
            self.log.warn(
                "{held} message parts are held until smpp control decides{when}",
                held=held,
                when="" if self._path is not None else ", which needs a start with --control",
            )

    def _listen(self) -> None:
        self._port = listen(self._reactor, self._path or "", self._control)

    def _or_exit(self, step: Any) -> None:
        try:
            step()
        except (ControlUnusable, StoreError) as error:
            if not self.in_foreground:
                self.log.critical("{error}", error=str(error))
                raise
            code = error.exit_code if isinstance(error, StoreError) else 1
            exit_with(code, f"twistd smpp esme: {error}")

    def _store_failed(self, error: StoreFailed) -> None:
        """It takes nothing more: the process starts again, and looks at it first."""
        self._failing = None
        self._ending.stop(error.exit_code)

    def stopService(self) -> Deferred[Any]:
        """Takes nothing more, awaits what is in flight, unbinds, closes the store."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._failing is not None:
            self._failing.cancel()
            self._failing = None
        port, self._port = self._port, None
        ended = succeed(None) if port is None else maybeDeferred(port.stopListening)
        ended.addCallback(lambda _: self.link.stopService())
        ended.addCallback(lambda _: self.store.close())
        if self._health is not None:
            ended.addBoth(self._health_stopped, self._health)
        return ended.addCallbacks(self._closed, self._not_closed)

    def _health_stopped(self, result: Any, health: Health) -> Any:
        health.stop()
        return result

    def _closed(self, _: Any) -> None:
        for each in list(self._control.connections):
            each.transport.loseConnection()  # type: ignore[union-attr]
        self.log.info("{store} is closed", store=self.store)

    def _not_closed(self, failure: Failure) -> None:
        self.log.critical("{error}", error=failure.getErrorMessage())
        self._ending.stop(StoreFailed.exit_code)
