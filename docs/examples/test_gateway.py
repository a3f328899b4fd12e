"""Testing an application without a socket and without waiting."""

from twisted_smpp import CommandStatus, Throttled
from twisted_smpp.testing import connect, failure, success


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
