"""Testing an application without a socket and without waiting."""

from datetime import UTC, datetime

from twisted.internet.task import Clock

from twisted_smpp import CommandStatus, ESMEService, MessageState, Progress, Throttled
from twisted_smpp.testing import MemoryEndpoint, connect, failure, success
from twisted_smpp.text import Receipt

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Gateway:
    """Your application: it sends by an ESMEService, and a test gives it another endpoint."""

    def __init__(self, endpoint, reactor=None):
        self.esme = ESMEService(endpoint, "me", "pw", reactor=reactor)
        self.esme.startService()

    def notify(self, to):
        return self.esme.send(to, "Your parcel is here", source="Shop")


class World:
    """The application, and a message centre that answers as a test says."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.clock = Clock()
        self.centre = MemoryEndpoint(self.clock, on_request=self.answer)
        self.gateway = Gateway(self.centre, self.clock)
        self.centre.pair.bind()

    def answer(self, session, request):
        return self.answers.pop(0) if self.answers else request.answer(message_id="42")

    def receipt(self, state):
        receipt = Receipt.build("42", state, submitted=NOW, done=NOW)
        taken = self.centre.pair.smsc.deliver_sm(source_addr="49176", **receipt.fields_of_pdu())
        self.centre.pair.flush()
        assert success(taken).command_status == 0


def test_message_is_followed_to_its_receipt():
    world = World()
    message = world.gateway.notify("491761234567")
    world.centre.pair.flush()
    assert message.message_ids == ("42",)

    world.receipt(MessageState.DELIVERED)

    assert message.progress is Progress.DELIVERED


def test_throttled_message_goes_out_later():
    world = World(CommandStatus.ESME_RTHROTTLED)
    message = world.gateway.notify("491761234567")
    world.centre.pair.flush()
    assert message.progress is Progress.QUEUED

    world.centre.pair.advance(2)

    assert message.progress is Progress.ACCEPTED


def test_message_waits_while_the_message_centre_is_down():
    world = World()
    world.centre.is_down = True
    world.centre.pair.drop()
    message = world.gateway.notify("491761234567")
    world.clock.advance(60)
    assert message.progress is Progress.QUEUED

    world.centre.is_down = False
    world.clock.advance(60)
    world.centre.pair.bind()
    world.centre.pair.flush()

    assert message.progress is Progress.ACCEPTED


# The protocol alone, without a service.


def test_message_is_accepted():
    pair = connect(on_request=lambda session, request: request.answer(message_id="42"))
    pair.bind()

    response = pair.esme.submit_sm(destination_addr="491761234567", short_message=b"Hi")
    pair.flush()

    assert success(response).message_id == "42"


def test_throttled_message_says_so():
    pair = connect(on_request=lambda session, request: CommandStatus.ESME_RTHROTTLED)
    pair.bind()

    response = pair.esme.submit_sm(destination_addr="491761234567", short_message=b"Hi")
    pair.flush()

    assert isinstance(failure(response), Throttled)


def test_dead_message_centre_is_noticed():
    pair = connect()
    pair.bind()
    pair.smsc_transport.reading = False  # it is still there, and does nothing any more

    pair.advance(45)

    assert not pair.esme.bound
