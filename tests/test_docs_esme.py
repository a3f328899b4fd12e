"""What the how-tos of the ESME role show is run."""

import re
from pathlib import Path

from esme_kit import Endpoint as Way
from outbind_kit import Port
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from twisted_smpp import CommandStatus
from twisted_smpp.esme import Progress
from twisted_smpp.interfaces import IMessageReceiver
from twisted_smpp.states import State
from twisted_smpp.testing import failure, success
from twisted_smpp.wire.pdus import SubmitSMResp

HOWTO = Path(__file__).parent.parent / "docs/howto"


def codes(page, language="python"):
    text = (HOWTO / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def names_of(page):
    """What the examples of a page define, all run in their order."""
    names = {}
    for code in codes(page):
        exec(compile(code, page, "exec"), names)
    return names


def stopped(service, *ports):
    stopping = service.stopService()
    for port in ports:
        port.flush()
    success(stopping)


# outbind.md


def test_a_message_centre_calls():
    clock, got = Clock(), []
    port = Port(clock)
    service = names_of("outbind.md")["called_by"](port, got.append, clock)
    service.startService()
    smsc = port.outbinds("operator", "secret99", host="2001:db8::7")
    assert service.state is State.BOUND_RX
    smsc.deliver_sm(short_message=b"Hi")
    port.flush()
    assert [message.text for message in got] == ["Hi"]
    stopped(service, port)


def test_a_transmitter_and_a_call_share_receipts():
    clock = Clock()
    port = Port(clock)
    service, receives = names_of("outbind.md")["pair"](port, "tcp:192.0.2.9:1", print, clock)
    service._endpoint._endpoints[0] = other = Way(clock)
    for each in (service, receives):
        each.startService()
    other.smsc.on_request = lambda session, request: SubmitSMResp(message_id="7")
    other.binds()
    message = service.send("49176", "Hi")
    other.flush()
    assert message.progress is Progress.ACCEPTED
    smsc = port.outbinds("operator", "secret99")
    smsc.deliver_sm(esm_class=4, short_message=b"id:7 stat:DELIVRD")
    port.flush()
    assert message.progress is Progress.DELIVERED
    stopped(service, other)
    stopped(receives, port)


# embed-esme.md


def test_application_of_the_page(capsys):
    names = application_names()
    shop = names["Shop"]()
    assert verifyObject(IMessageReceiver, shop)
    clock = Clock()
    way = Way(clock)
    service = names["service"](way, shop, clock)
    service.startService()
    smsc = way.binds()
    answers = [
        smsc.deliver_sm(source_addr="49", short_message=b"Two teas"),
        smsc.deliver_sm(esm_class=4, short_message=b"id:7 stat:DELIVRD"),
        smsc.alert_notification(source_addr="49"),
    ]
    way.flush()
    shop.is_open = False
    refused = smsc.deliver_sm(source_addr="50", short_message=b"One tea")
    way.flush()
    for answer in answers:
        success(answer)
    assert failure(refused).command_status == CommandStatus.ESME_RX_T_APPN
    assert shop.orders == {"49": "Two teas"}
    assert capsys.readouterr().out == "7 is DELIVRD\n49 can be reached\n"
    stopped(service, way)


def application_names():
    names = {}
    exec(compile(codes("embed-esme.md")[-1], "embed-esme.md", "exec"), names)
    return names
