"""Who is bound, who may bind, and what each may do then.

A bind passes, in this order: the ban of its address, its password and what else the portal
looks at, how its account may bind, the places that are left, and the account itself. What
is wrong before the account is known gets one status, a second later.

The places are counted from the sessions that there are, never in a counter. When all are
taken, the session of the account that has been silent longest is asked for a sign of life;
one whose connection is dead gives its place to the bind that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.interfaces import IAccount
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.smsc.accounts import AccountSettings
from twisted_smpp.smsc.checking import AccountsFile, BindCredentials, Certificate
from twisted_smpp.smsc.defence import Defence
from twisted_smpp.smsc.networks import address_of
from twisted_smpp.smsc.policy import Policy
from twisted_smpp.status import CommandStatus
from twisted_smpp.wire.pdus import EnquireLink

__all__ = ["PROBE_SECONDS", "Login", "Logins"]

#: How long a silent session has to show that it is alive.
PROBE_SECONDS = 5.0


@dataclass(eq=False)
class Login:
    """One session that has shown who it is.

    Attributes:
        session: the connection.
        request: its bind.
        account: the avatar.
        logout: what ``twisted.cred`` wants to be called at its end.
        policy: the rules of its account; None without an accounts file.
        has_place: whether it was given one of the places of its account.
    """

    session: SMPPProtocol
    request: Any
    account: Any
    logout: Callable[[], object]
    policy: Policy | None
    has_place: bool = False

    @property
    def mode(self) -> str:
        """``"transmitter"``, ``"receiver"`` or ``"transceiver"``."""
        return str(self.request.command.removeprefix("bind_"))

    @property
    def takes_place(self) -> bool:
        """Whether it is bound, or about to be."""
        session = self.session.session
        return self.has_place and (session.bound or session.binding is self.request)


class Logins:
    """The sessions of a message centre that have shown who they are.

    Args:
        portal: what checks credentials and gives accounts.
        clock: an ``IReactorTime``.
        accounts: what they may do; None: whatever the avatars allow.
        defence: against guessing; None for none.
        refused_status: the answer to every bind that is wrong.
        sessions: those that are bound.
    """

    log = Logger()

    def __init__(
        self,
        portal: Portal,
        clock: IReactorTime,
        accounts: AccountsFile | None,
        defence: Defence | None,
        refused_status: int,
        sessions: set[SMPPProtocol],
    ) -> None:
        self._portal = portal
        self._clock = clock
        self._accounts = accounts
        self._defence = defence
        self._refused_status = refused_status
        self._sessions = sessions
        #: By their sessions.
        self.of: dict[SMPPProtocol, Login] = {}
        self._by_name: dict[str, list[Login]] = {}
        self._policies: dict[str, Policy] = {}
        #: By session: the refusal that it waits for; the end of its probe.
        self._refusals: dict[SMPPProtocol, Deferred[int]] = {}
        self._probes: dict[SMPPProtocol, Deferred[None]] = {}
        if accounts is not None:
            accounts.on_change(self._changed)

    def __len__(self) -> int:
        return len(self.of)

    # A bind.

    def bind(self, session: SMPPProtocol, request: Any) -> Any:
        """Decides about a bind; the answer of the account is the last word.

        Returns:
            a status or response, or a Deferred of one.
        """
        self._leave(session)  # of a bind before, which its account refused
        peer = session.transport.getPeer() if session.transport else None
        if self._defence is not None and self._defence.is_banned(peer, request.system_id):
            return self._refuse(session)
        credentials = BindCredentials(
            request.system_id.encode("latin-1"),
            request.password.encode("latin-1"),
            address_of(peer),
            Certificate.of(session.transport),
        )
        login: Deferred[Any] = self._portal.login(credentials, None, IAccount)
        login.addCallbacks(
            self._known,
            self._denied,
            callbackArgs=(session, request),
            errbackArgs=(session, request, peer),
        )
        return login

    def _refuse(self, session: SMPPProtocol) -> Any:
        """The refusal, after the time that makes guessing slow."""
        status = self._refused_status
        if self._defence is None or session.session.binding is None:
            return status

        def done(_: Any) -> int:
            del self._refusals[session]
            return status

        delay = self._defence.limits.delay
        self._refusals[session] = deferLater(self._clock, delay)
        return self._refusals[session].addBoth(done)

    def _denied(self, failure: Failure, session: SMPPProtocol, request: Any, peer: Any) -> Any:
        failure.trap(LoginFailed, UnauthorizedLogin)
        self.log.warn(
            "the bind of {system_id} from {peer} is refused: {why}",
            system_id=ascii(request.system_id[:16]),
            peer=session.peer,
            why=str(failure.value) or "the credentials are wrong",
        )
        if self._defence is not None:
            self._defence.failed(peer, request.system_id)
        return self._refuse(session)

    def _known(self, avatar: Any, session: SMPPProtocol, request: Any) -> Any:
        _, account, logout = avatar
        binding: Any = session.session.binding
        if binding is not request:
            # It went, or its time was up, while its password was looked at.
            logout()
            return CommandStatus.ESME_RBINDFAIL
        policy = self._policy(request.system_id)
        login = self.of[session] = Login(session, request, account, logout, policy)
        if policy is not None and getattr(account, "checks_destinations", False) is True:
            account.policy = policy
        self._by_name.setdefault(request.system_id, []).append(login)
        if policy is not None and login.mode not in policy.settings.modes:
            self._note(login, "the account may not bind like this")
            return CommandStatus.ESME_RBINDFAIL
        if self._defence is not None and len(self._sessions) >= self._defence.limits.sessions:
            self._note(login, "the message centre has no place left")
            return CommandStatus.ESME_RBINDFAIL
        if self._take_place(login):
            return maybeDeferred(account.bind, session, request)
        finding = Deferred.fromCoroutine(self._find_place(login))
        return finding.addCallback(self._found, login)

    def _note(self, login: Login, why: str) -> None:
        self.log.info(
            "the {mode} bind of {system_id} from {peer} is refused: {why}",
            mode=login.mode,
            system_id=ascii(login.request.system_id[:16]),
            peer=login.session.peer,
            why=why,
        )

    # Places.

    def _take_place(self, login: Login) -> bool:
        login.has_place = login.policy is None or self._rivals(login) is None
        return login.has_place

    def _rivals(self, login: Login) -> list[Login] | None:
        """The sessions one of which would have to go; None when there is a place."""
        settings: Any = login.policy and login.policy.settings
        named = self._by_name[login.request.system_id]
        others = [each for each in named if each is not login and each.takes_place]
        same = [each for each in others if each.mode == login.mode]
        if len(same) >= settings.most(login.mode):
            return same
        return others if len(others) >= settings.max_binds else None

    async def _find_place(self, login: Login) -> None:
        """Asks the session that has been silent longest whether it is alive; ends a dead one."""
        asked = [
            each.session
            for each in self._rivals(login) or ()
            if each.session in self._sessions and each.session not in self._probes
        ]
        if asked:
            await self._probe(min(asked, key=lambda session: session.session.heard_at))

    async def _probe(self, session: SMPPProtocol) -> None:
        heard_at = session.session.heard_at
        waiting = self._probes[session] = deferLater(self._clock, PROBE_SECONDS)
        session.request(EnquireLink()).addBoth(lambda _: waiting.cancel())
        try:
            await waiting
        except CancelledError:
            return  # it has answered, or it is gone already
        finally:
            del self._probes[session]
        # Whom we do not read may say what he likes: he is not dead for that.
        if session.session.heard_at == heard_at and not session.session.held:
            self.log.warn("{peer} is dead: another bind needs its place", peer=session.peer)
            await session.abort()

    def _found(self, _: None, login: Login) -> Any:
        if login.session.session.binding is not login.request:
            return CommandStatus.ESME_RBINDFAIL
        if not self._take_place(login):
            self._note(login, "all its sessions are bound")
            return CommandStatus.ESME_RALYBND
        return maybeDeferred(login.account.bind, login.session, login.request)

    # Afterwards.

    def bound(self, session: SMPPProtocol) -> Login:
        """A bind was accepted."""
        login = self.of[session]
        if login.policy is not None:
            session.session.window = login.policy.settings.window
        return login

    def lost(self, session: SMPPProtocol) -> None:
        """A connection is gone, bound or not."""
        for waiting in (self._refusals.get(session), self._probes.get(session)):
            if waiting is not None:
                waiting.cancel()
        self._leave(session)

    def _leave(self, session: SMPPProtocol) -> None:
        login = self.of.pop(session, None)
        if login is None:
            return
        named = self._by_name[login.request.system_id]
        named.remove(login)
        if not named:
            del self._by_name[login.request.system_id]
        login.logout()

    # The accounts.

    def _policy(self, system_id: str) -> Policy | None:
        if self._accounts is None:
            return None
        policy = self._policies.get(system_id)
        if policy is None:
            settings = self._accounts.settings(system_id) or AccountSettings(system_id)
            policy = self._policies[system_id] = Policy(settings, self._clock.seconds())
        return policy

    def _changed(self) -> None:
        """Other accounts are in force: the sessions that are bound go by them from now on."""
        accounts: Any = self._accounts
        for system_id, policy in list(self._policies.items()):
            settings = accounts.settings(system_id)
            if settings is None:
                del self._policies[system_id]
            else:
                policy.change(settings, self._clock.seconds())
        for session in list(self._sessions):
            login = self.of[session]
            settings = accounts.settings(login.request.system_id)
            if settings is None or settings.disabled:
                self.log.info("{peer} is unbound: its account is no more", peer=session.peer)
                session.unbind()
            else:
                session.session.window = settings.window
