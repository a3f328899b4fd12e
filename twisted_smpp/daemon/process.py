"""A role as the process that ``twistd`` makes of it."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, MultiService
from twisted.logger import ILogObserver
from twisted.python.components import Componentized

from twisted_smpp.daemon.logs import DaemonLog
from twisted_smpp.stalls import StallWatch

__all__ = ["Process"]


class Process(MultiService):
    """Starts and stops a role, whose log goes where twistd was told, but not in the reactor.

    Args:
        role: the service of it.
        log: of the process; None leaves the log to twistd.
        watch: of the reactor, or None.

    Attributes:
        role: the service.
    """

    def __init__(
        self, role: IService, log: DaemonLog | None, watch: StallWatch | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.role = role
        self._log = log
        role.setServiceParent(self)
        if watch is not None:
            watch.setServiceParent(self)  # type: ignore[no-untyped-call]

    def setServiceParent(self, parent: Any) -> None:
        """Twisted: it belongs to an application now, whose log is begun after this."""
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]
        if self._log is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._log.observer)

    def privilegedStartService(self) -> None:
        """Twisted: the process is what it will be, in the background too: it has threads now."""
        if self._log is not None:
            self._log.writer.start()
        super().privilegedStartService()  # type: ignore[no-untyped-call]
