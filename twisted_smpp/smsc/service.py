"""An ``IService`` that listens for ESMEs.

Who may bind is decided by a ``twisted.cred`` portal; what an account may do then by its
avatar, an :class:`~twisted_smpp.interfaces.IAccount`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.endpoints import server_endpoint
from twisted_smpp.factory import SMSCFactory
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.smsc.checking import AccountsFile
from twisted_smpp.smsc.defence import Defence
from twisted_smpp.smsc.logins import Logins
from twisted_smpp.status import CommandStatus
from twisted_smpp.wire import pdus

__all__ = ["SMSCService"]

#: Which method of an account a request goes to that is no submit_sm.
OPERATIONS: dict[type, Callable[[Any, SMPPProtocol, Any], Answer]] = {
    pdus.SubmitMulti: lambda account, *args: account.submit_multi(*args),
    pdus.DataSM: lambda account, *args: account.data_sm(*args),
    pdus.QuerySM: lambda account, *args: account.query_sm(*args),
    pdus.CancelSM: lambda account, *args: account.cancel_sm(*args),
    pdus.ReplaceSM: lambda account, *args: account.replace_sm(*args),
    pdus.BroadcastSM: lambda account, *args: account.broadcast(*args),
    pdus.QueryBroadcastSM: lambda account, *args: account.broadcast(*args),
    pdus.CancelBroadcastSM: lambda account, *args: account.broadcast(*args),
}


class SMSCService(Service):
    """A message centre.

    Args:
        endpoint: an ``IStreamServerEndpoint`` or a description such as
            ``"tcp:2775:interface=127.0.0.1"``.
        portal: its checkers take ``IUsernamePassword`` (system_id and password as
            latin-1 octets); its realm gives an
            :class:`~twisted_smpp.interfaces.IAccount`.
        system_id: what the message centre calls itself in a bind response.
        accounts: what each account may do, besides being a checker of the portal; None: as
            much as its avatar allows.
        defence: against guessed passwords and crowds of connections; None for none.
        refused_status: the answer to a bind whose credentials are wrong in any way.
        reactor: for endpoints and time; None for the global one.
        settings: those of :class:`~twisted_smpp.factory.SMPPFactory`.

    Attributes:
        sessions: the protocols of the connections that are bound.

    Raises:
        ValueError: the endpoint description cannot be used.
    """

    log = Logger()

    def __init__(
        self,
        endpoint: str | IStreamServerEndpoint,
        portal: Portal,
        *,
        system_id: str = "twisted_smpp",
        accounts: AccountsFile | None = None,
        defence: Defence | None = None,
        refused_status: int = CommandStatus.ESME_RINVPASWD,
        reactor: Any = None,
        **settings: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        if isinstance(endpoint, str):
            endpoint = server_endpoint(reactor, endpoint)
        self._endpoint: IStreamServerEndpoint = endpoint
        self._portal = portal
        self._defence = defence
        self._system_id = system_id
        pdus.BindTransceiverResp(system_id=system_id).encode()  # wrong: said here, not at a bind
        self.sessions: set[SMPPProtocol] = set()
        clock = IReactorTime(reactor)
        self._logins = Logins(portal, clock, accounts, defence, refused_status, self.sessions)
        self._listening: Deferred[Any] | None = None
        self.factory = SMSCFactory(
            self._bind,
            on_request=self._requested,
            on_bound=self._bound,
            on_lost=self._lost,
            admits=defence.admits if defence is not None else None,
            on_connected=defence.connected if defence is not None else None,
            clock=clock,
            **settings,
        )

    # IService.

    def privilegedStartService(self) -> None:
        """Starts to listen, while the process may still open low ports.

        Raises:
            twisted.internet.error.CannotListenError: the port is taken or not allowed.
            ValueError: the port is no such number, or the interface no name.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._listen()

    def startService(self) -> None:
        """Starts to listen, unless it does already."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._listening is None:
            self._listen()

    def _listen(self) -> None:
        failures: list[Failure] = []
        self._listening = self._endpoint.listen(self.factory)

        def failed(failure: Failure) -> Failure:
            failures.append(failure)
            return failure

        self._listening.addErrback(failed)
        if failures:
            self._listening.addErrback(lambda _: None)
            self._listening = None
            if failures[0].check(OverflowError, UnicodeError):
                why = failures[0].getErrorMessage()
                raise ValueError(f"cannot listen: {why}")
            failures[0].raiseException()

    def when_listening(self) -> Deferred[Any]:
        """Fires with the ``IListeningPort`` (its ``getHost`` tells the port number).

        Errbacks with what kept the endpoint from listening.
        """
        deferred: Deferred[Any] = Deferred()

        def pass_on(result: Any) -> Any:
            deferred.callback(result)
            return None if isinstance(result, Failure) else result

        if self._listening is None:
            raise RuntimeError("the service was not started")
        self._listening.addBoth(pass_on)
        return deferred

    def stopService(self) -> Deferred[Any]:
        """Stops to listen, awaits what is in flight and unbinds every session."""
        super().stopService()  # type: ignore[no-untyped-call]
        listening, self._listening = self._listening, None
        done = [session.unbind() for session in list(self.sessions)]
        done += [session.abort() for session in self.factory.connections - self.sessions]
        if listening is not None:
            listening.addCallback(lambda port: port and maybeDeferred(port.stopListening))
            listening.addErrback(lambda _: None)  # it never listened
            done.append(listening)
        return DeferredList(done)

    # What the factory asks and tells.

    def _bind(self, session: SMPPProtocol, request: Any) -> Answer:
        if not self.running:
            return CommandStatus.ESME_RBINDFAIL
        answer: Answer = self._logins.bind(session, request)
        if isinstance(answer, Deferred):
            return answer.addCallback(self._accept, session, request)
        return answer

    def _accept(self, answer: Any, session: SMPPProtocol, request: Any) -> Any:
        if request is not session.session.binding:
            return CommandStatus.ESME_RBINDFAIL
        if answer is None or answer == CommandStatus.ESME_ROK:
            return request.answer(system_id=self._system_id)  # type: ignore[union-attr]
        return answer

    def _bound(self, session: SMPPProtocol) -> None:
        self.sessions.add(session)
        if self._defence is not None:
            self._defence.settled(session)
        self.log.info(
            "{system_id} bound from {peer} in {state}",
            system_id=ascii(session.bind_request.system_id[:16]),
            peer=session.peer,
            state=session.state.name,
        )
        self._logins.bound(session).account.bound(session)

    def _lost(self, session: SMPPProtocol, why: str) -> None:
        try:
            if self._defence is not None:
                self._defence.settled(session)
            if session in self.sessions:
                self.sessions.discard(session)
                self.log.info("the session of {peer} ended: {why}", peer=session.peer, why=why)
                self._logins.of[session].account.unbound(session, why)
        finally:
            self._logins.lost(session)

    def _requested(self, session: SMPPProtocol, request: Any) -> Answer:
        login = self._logins.of[session]
        account = login.account
        if login.policy is not None:
            each = getattr(account, "checks_destinations", False) is True
            now = self.factory.clock.seconds()
            status = login.policy.refusal(request, session.session.version, now, each=each)
            if status:
                return status
        if request.__class__ is pdus.SubmitSM:  # nearly all of them
            return account.submit_sm(session, request)  # type: ignore[no-any-return]
        operation = OPERATIONS.get(request.__class__)
        if operation is None:
            return account.other(session, request)  # type: ignore[no-any-return]
        return operation(account, session, request)
