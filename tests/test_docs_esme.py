"""What the how-tos of the ESME role show is run."""

import inspect
import itertools
import json
import re
import runpy
from pathlib import Path

import pytest
from esme_kit import Endpoint as Way
from outbind_kit import Port
from twisted.application.service import IServiceCollection
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from twisted_smpp import limits
from twisted_smpp.errors import BindRefused
from twisted_smpp.esme import (
    ESMEService,
    Link,
    LinkState,
    Progress,
    Retries,
    RetryClass,
    failover,
    pace,
)
from twisted_smpp.esme.backoff import STABLE_SECONDS, Backoff
from twisted_smpp.events import Timers
from twisted_smpp.factory import SMPPFactory
from twisted_smpp.interfaces import IMessageReceiver
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.testing import failure, success
from twisted_smpp.wire.pdus import BindTransceiver, SubmitSMResp

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


def rows(page, header):
    """The rows of a table, as lists of cells without their backticks."""
    lines = (HOWTO / page).read_text("utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {header} |"))
    body = itertools.takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in body]


# reconnecting.md


def test_changes_are_reported(capsys):
    clock = Clock()
    ways = [Way(clock, "one"), Way(clock, "two")]
    service = names_of("reconnecting.md")["make"](ways, reactor=clock, random=lambda: 1.0)
    service.startService()
    for way in ways:
        way.refuses()
    clock.advance(1)
    ways[0].binds()
    stopped(service, *ways)
    assert capsys.readouterr().out.splitlines() == [
        "trying one",
        "trying two",
        "the message centre at two cannot be reached: Connection was refused by other side: "
        "next attempt in 1.0 s",
        "trying one",
        "bound to 192.0.2.1:2775",
    ]


def test_endpoints_of_the_page_are_endpoints():
    reactor = MemoryReactorClock()
    service = names_of("reconnecting.md")["make"](reactor=reactor)
    assert service._endpoint.name == "tls:smsc1.example:3550"
    assert service.change.state is LinkState.STOPPED


def test_states_of_the_page_are_those_there_are():
    assert {name for name, _ in rows("reconnecting.md", "state")} == set(LinkState.__members__)


SHARES = {"all": 1, "half": 1 / 2, "a third": 1 / 3}


def delays(statuses, count, drawn):
    """The delays after so many of that kind, none or a status of a refused bind."""
    backoff = Backoff(1.0, 60.0, lambda: drawn)
    found = []
    for number in range(1, count + 1):
        for status in statuses[:1]:
            bind = BindTransceiver()
            response = bind.answer(command_status=CommandStatus[status])
            backoff.refused(BindRefused.from_response(bind, response))
        found.append(backoff.delay(1 if statuses else number))
    return found


@pytest.mark.parametrize("row", rows("reconnecting.md", "after"), ids=lambda row: row[0][:20])
def test_delays_of_the_page_are_those_of_a_link(row):
    after, first, longest, share = row
    statuses = re.findall(r"ESME_\w+", after)
    seconds = [float(cell.split()[0]) for cell in (first, longest)]
    found = delays(statuses, 12, 1.0)
    assert [found[0], found[-1]] == seconds
    assert delays(statuses, 1, 0.0)[0] == pytest.approx(seconds[0] * (1 - SHARES[share]))
    for status in statuses:
        assert delays([status], 12, 1.0) == found


def test_numbers_of_the_pages_are_the_defaults():
    defaults = {
        name: each.default
        for of in (Link, SMPPFactory)
        for name, each in inspect.signature(of).parameters.items()
    }
    assert [defaults[name] for name in ("first_delay", "longest_delay")] == [1, 60]
    assert [defaults[name] for name in ("connect_timeout", "drain", "window")] == [10, 30, 10]
    assert (Timers().bind, Timers().enquire_interval, Timers().enquire) == (10, 30, 10)
    assert (limits.TIMEOUTS_IN_A_ROW, failover.SHORT_SESSIONS, STABLE_SECONDS) == (3, 3, 60)
    retries = Retries()
    assert (retries.attempts, retries.unlisted_attempts, retries.session_attempts) == (20, 5, 3)
    assert (retries.delays[0], retries.delays[-1]) == (5, 1800)
    growth = (pace.FIRST_PAUSE, pace.LONGEST_PAUSE, pace.LEAST_RATE, pace.RATE_GROWTH)
    assert growth == (1, 60, 0.02, 0.05)
    assert pace.CONGESTED == 80


# throttling.md


def test_throttling_of_the_page(capsys):
    clock = Clock()
    way = Way(clock)
    names = names_of("throttling.md")
    service = names["make"](way, reactor=clock, random=lambda: 1.0)
    service.startService()
    smsc = way.binds()
    answers = [CommandStatus.ESME_RSUBMITFAIL, 0x0451]
    smsc._on_request = lambda session, request: answers.pop(0)
    message = service.send("49176", "Hi")
    way.flush()
    names["show"](service)
    assert capsys.readouterr().out == (
        "window 0 of 4, 10 messages/s, 1 waiting, paused 1 s, throttled 1x\n"
    )
    clock.advance(1.0)
    clock.advance(0.1)
    way.flush()
    assert message.progress is Progress.FAILED
    assert names["sending"].retries.delays == (10, 60, 300)
    stopped(service, way)


def test_classes_of_the_page_are_those_there_are():
    classes = [name for name, _ in rows("throttling.md", "class")]
    assert sorted(classes) == sorted(RetryClass.__members__)


# embed-beside-a-web-server.md


class Web:
    """docs/examples/web.py, with a message centre in memory and a browser that the test is."""

    def __init__(self, folder, monkeypatch):
        (folder / "password.txt").write_text("password\n")
        monkeypatch.chdir(folder)
        self.names = runpy.run_path(str(HOWTO.parent / "examples/web.py"))
        self.clock = Clock()
        self.way = Way(self.clock)
        self.esme = ESMEService(self.way, "smppclient1", "password", reactor=self.clock)
        self.esme.startService()
        self.site = self.names["make_site"](self.esme, self.clock, timeout=None)
        self.transport = None

    def binds(self, answer):
        smsc = self.way.binds()
        smsc._on_request = lambda session, request: answer(request)

    def ask(self, head, body=b""):
        """Sends a request, and keeps the connection for its answer."""
        self.transport = StringTransport()
        self.channel = self.site.buildProtocol(None)
        self.channel.makeConnection(self.transport)
        fields = b"content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n"
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.channel.dataReceived(head + b" HTTP/1.1\r\nhost: x\r\n" + fields + length + body)
        self.way.flush()

    def said(self):
        """The status and the JSON that came."""
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        found = re.search(rb"\{.*\}", body)
        return int(head.split()[1]), json.loads(found.group()) if found else None

    def asked(self, head, body=b""):
        self.ask(head, body)
        return self.said()


@pytest.fixture
def web(tmp_path, monkeypatch):
    made = Web(tmp_path, monkeypatch)
    yield made
    stopped(made.esme, made.way)


POST = b"POST /messages"
ORDER = b"to=491761234567&text=Hi+there"


def test_the_web_server_sends(web):
    texts = []

    def accept(request):
        texts.append((request.destination_addr, request.short_message))
        return request.answer(message_id="1a")

    web.binds(accept)
    assert web.asked(POST, ORDER) == (200, {"ids": ["1a"]})
    assert texts == [("491761234567", b"Hi there")]
    code, body = web.asked(b"GET /")
    assert (code, body["unconfirmed"], body["window"]) == (200, 1, 10)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"to=49", "text is missing"),
        (b"text=Hi", "to is missing"),
        (b"to=" + b"9" * 30 + b"&text=Hi", "destination_addr"),
        (b"to=49&text=%ff", "utf-8"),
    ],
)
def test_the_web_server_says_what_is_wrong(web, body, error):
    web.binds(lambda request: None)
    code, said = web.asked(POST, body)
    assert code == 400
    assert error in said["error"]


def test_the_web_server_tells_a_refusal(web):
    web.binds(lambda request: CommandStatus.ESME_RINVDSTADR)
    code, said = web.asked(POST, ORDER)
    assert code == 502
    assert "ESME_RINVDSTADR" in said["error"]


def test_the_web_server_tells_that_a_message_waits(web):
    code, said = web.asked(b"GET /")
    assert (code, said["link"]) == (503, "started")
    web.ask(POST, ORDER)
    assert web.transport.value() == b""
    web.clock.advance(20)
    assert web.said() == (202, {"progress": "QUEUED"})
    assert web.esme.sender.waiting == 1


def test_the_web_server_does_not_take_more_than_fits(web):
    web.esme.sender._most_waiting = 1
    web.ask(POST, ORDER)
    assert web.asked(POST, ORDER)[0] == 503
    web.clock.advance(20)


def test_a_browser_that_goes_away_harms_nothing(web):
    later = Deferred()
    web.binds(lambda request: later)
    web.ask(POST, ORDER)
    web.channel.connectionLost(Failure(ConnectionDone()))
    later.callback(None)
    web.way.flush()
    assert web.transport.value() == b""


def test_the_application_has_both_services(web):
    services = list(IServiceCollection(web.names["application"]))
    assert [type(each).__name__ for each in services] == [
        "ESMEService",
        "StreamServerEndpointService",
    ]


# The tutorial.


def test_tutorial_explains_each_line_of_the_demo():
    readme = (HOWTO.parents[1] / "README.md").read_text("utf-8")
    page = (HOWTO.parent / "tutorial/first-message.md").read_text("utf-8")
    shown = re.findall(r"^[\d:.]+ (?:->|<-) (\w+)", readme, re.M)
    assert len(shown) == 8
    assert re.findall(r"^\d\. \*\*(\w+)\*\*", page, re.M) == shown
    for words in ("ALPHANUMERIC", "MC_DELIVERY_RECEIPT", "30"):
        assert words in readme
        assert words in page
