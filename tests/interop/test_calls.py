"""A message centre that calls over real TCP and TLS, and the ESME that binds back."""

import pytest
import pytest_twisted
from test_own import certificate
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, serverFromString, wrapClientTLS
from twisted.internet.ssl import CertificateOptions

from twisted_smpp import ESMEService, OutbindEndpoint, SMSCFactory

pytestmark = pytest.mark.interop


class Listening:
    """A server endpoint on a free port, which tells when it listens and where."""

    def __init__(self, reactor, description):
        self._endpoint = serverFromString(reactor, description)
        self.port = Deferred()

    async def _listen(self, factory):
        port = await self._endpoint.listen(factory)
        self.port.callback(port.getHost().port)
        return port

    def listen(self, factory):
        return Deferred.fromCoroutine(self._listen(factory))


@pytest.mark.parametrize("tls", [False, True])
@pytest_twisted.ensureDeferred
async def test_the_message_centre_calls_and_delivers(tls, tmp_path):
    from twisted.internet import reactor

    description = "tcp:0:interface=127.0.0.1"
    if tls:
        certificate(tmp_path)
        files = f"privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
        description = f"ssl:0:{files}:interface=127.0.0.1"
    listening = Listening(reactor, description)
    got = []
    service = ESMEService(
        OutbindEndpoint(listening, "mc", "secret", peers=["127.0.0.0/8"], reactor=reactor),
        "esme",
        "pw",
        bind="receiver",
        on_message=got.append,
        reactor=reactor,
    )
    service.startService()
    bound = Deferred()
    factory = SMSCFactory(lambda session, request: 0, on_bound=bound.callback, clock=reactor)
    calls = TCP4ClientEndpoint(reactor, "127.0.0.1", await listening.port)
    if tls:
        calls = wrapClientTLS(CertificateOptions(verify=False), calls)
    smsc = await calls.connect(factory)
    await smsc.outbind(system_id="mc", password="secret")
    session = await bound.addTimeout(10, reactor)
    answers = [session.deliver_sm(short_message=b"Hi %d" % count) for count in range(100)]
    for answer in answers:
        assert (await answer).command_status == 0
    assert [message.text for message in got] == [f"Hi {count}" for count in range(100)]
    listening.port = Deferred()
    ours = service.session
    await session.unbind()
    await ours.abort()  # fires when that end is gone, too
    await listening.port.addTimeout(10, reactor)  # it waits for the next call at once
    await service.stopService()
