"""``smpp send``: against a message centre in memory, on a clock."""

import csv
import signal
from dataclasses import replace

import click
import pytest
from esme_kit import Endpoint, FakeReactor
from test_cli import smpp
from twisted.internet.defer import Deferred

from twisted_smpp import DeliverSM, EsmClass
from twisted_smpp.cli import results
from twisted_smpp.cli.recipients import Recipient
from twisted_smpp.cli.send import SendRun
from twisted_smpp.esme.profile import Profile
from twisted_smpp.testing import success
from twisted_smpp.text import Language, Method, TextRules, join


class World:
    """One run of the command, and the message centre."""

    def __init__(self, *texts, to="4917", **options):
        self.clock = FakeReactor()
        self.endpoint = Endpoint(self.clock)
        self.requests = []
        self.answers = []
        settings = {
            "endpoint": self.endpoint,
            "system_id": "me",
            "password": "pw",
            "bind": options.pop("bind", "transceiver"),
            "profile": options.pop("profile", Profile()),
        }
        known = {"receipt": True, "timeout": 60.0, "source": "", "window": None, "rate": None}
        known |= {"result": None, "verbose": False, "binds": 1, **options}
        wanted = [Recipient(to, text) for text in texts]
        self.run = SendRun(self.clock, settings, TextRules(), wanted, known)
        self.done = Deferred.fromCoroutine(self.run.run())
        self.smsc = None

    def binds(self):
        self.endpoint.smsc.on_request = self._answer
        self.smsc = self.endpoint.binds()
        self.flush()
        return self

    def _answer(self, session, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return request.answer(message_id=str(len(self.requests)))
        return answer(request) if callable(answer) else answer

    def flush(self):
        for _ in range(3):
            self.endpoint.flush()
            self.clock.advance(0)

    def receipt(self, message_id, stat):
        text = f"id:{message_id} stat:{stat}".encode()
        answer = self.smsc.request(
            DeliverSM(esm_class=EsmClass.MC_DELIVERY_RECEIPT, short_message=text)
        )
        answer.addErrback(lambda failure: failure.value.command_status)
        self.flush()
        return answer

    def code(self):
        self.flush()
        return success(self.done)


def test_it_waits_for_the_receipt(capsys):
    world = World("Hi").binds()
    assert capsys.readouterr().out == "accepted, message_id 1\n"
    world.receipt("1", "DELIVRD")
    assert world.code() == 0
    assert capsys.readouterr().out == "DELIVRD\n"


def test_it_asks_for_no_receipt_and_waits_for_none(capsys):
    world = World("Hi", receipt=False).binds()
    assert world.code() == 0
    assert world.requests[0].registered_delivery == 0


def test_a_transmitter_waits_for_none():
    assert World("Hi", bind="transmitter").binds().code() == 0


def test_it_sends_every_part_and_waits_for_every_receipt(capsys):
    world = World("a" * 400).binds()
    for message_id in "132":
        assert not world.done.called
        world.receipt(message_id, "DELIVRD")
    assert world.code() == 0
    assert join(world.requests).text == "a" * 400
    assert capsys.readouterr().out.splitlines() == [
        "accepted (1 of 3), message_id 1",
        "accepted (2 of 3), message_id 2",
        "accepted (3 of 3), message_id 3",
        "DELIVRD",
    ]


def test_it_fails_when_one_part_is_not_delivered(capsys):
    world = World("a" * 200).binds()
    world.receipt("1", "DELIVRD")
    world.receipt("2", "UNDELIV")
    assert world.code() == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["DELIVRD", "UNDELIV"]


def test_receipts_of_others_stay_with_the_message_centre():
    world = World("Hi").binds()
    assert success(world.receipt("99", "DELIVRD")) == 0x64
    message = world.smsc.deliver_sm().addErrback(lambda failure: failure.value.command_status)
    world.flush()
    assert success(message) == 0x64
    world.receipt("1", "DELIVRD")
    assert world.code() == 0


def test_a_receipt_may_come_before_the_response():
    world = World("Hi")
    later = Deferred()
    world.answers.append(later)
    world.binds()
    mine, other = world.receipt("7", "DELIVRD"), world.receipt("8", "DELIVRD")
    assert not mine.called
    later.callback(world.requests[0].answer(message_id="7"))
    assert world.code() == 0
    assert success(mine).command_status == 0
    assert success(other) == 0x64


def test_an_early_receipt_waits_for_its_own_response_only():
    world = World("a" * 400)
    first, second = Deferred(), Deferred()
    world.answers += [first, second]
    world.binds()
    receipt, other = world.receipt("7", "DELIVRD"), world.receipt("8", "DELIVRD")
    first.callback(world.requests[0].answer(message_id="7"))
    world.flush()
    assert success(receipt).command_status == 0
    assert not other.called
    world.clock.advance(5)
    world.flush()
    assert success(other) == 0x64
    second.callback(world.requests[1].answer(message_id="8"))
    for message_id in "83":
        world.receipt(message_id, "DELIVRD")
    assert world.code() == 0


def test_a_receipt_is_looked_up_and_learnt_from_once():
    world = World("a" * 400).binds()
    ids = world.run._service.confirming.ids
    world.receipt("1", "DELIVRD")
    world.receipt("99", "DELIVRD")
    assert (ids.matched, ids.unknown) == (1, 1)
    assert ids.state()["for"]["verbatim"] == 1
    for message_id in "23":
        world.receipt(message_id, "DELIVRD")
    assert world.code() == 0


def test_a_receipt_that_may_be_of_a_later_response_is_not_answered_before():
    world = World("a" * 400)
    last = Deferred()
    for message_id in ("A", "08"):
        world.answers.append(lambda request, each=message_id: request.answer(message_id=each))
    world.answers.append(last)
    world.binds()
    receipt = world.receipt("10", "DELIVRD")  # the first one's, if not the second one's
    again, other = world.receipt("10", "DELIVRD"), world.receipt("8", "DELIVRD")
    assert [each.called for each in (receipt, again, other)] == [False] * 3
    last.callback(world.requests[2].answer(message_id="77"))
    world.flush()
    for answer in (receipt, again, other):
        assert success(answer).command_status == 0
    assert [part.receipt is not None for part in world.run._messages[0].parts] == [
        True,
        True,
        False,
    ]
    world.receipt("77", "DELIVRD")
    assert world.code() == 0


@pytest.mark.parametrize("on_the_way", ["ENROUTE", "ACCEPTD"])
def test_it_waits_for_a_final_receipt(on_the_way, capsys):
    world = World("Hi").binds()
    world.receipt("1", on_the_way)
    assert not world.done.called
    world.clock.advance(30)
    world.flush()
    world.clock.advance(30)
    assert world.code() == 1
    said = capsys.readouterr().err
    assert f"no final receipt within 60 s, the last one said {on_the_way}" in said


def test_a_profile_may_have_it_asked_for_what_has_no_receipt(capsys):
    world = World("Hi", profile=Profile(query_after=20.0)).binds()
    world.answers.append(lambda request: request.answer(message_id="1", message_state=2))
    world.clock.advance(30)
    assert world.code() == 0
    assert capsys.readouterr().out.endswith("DELIVRD\n")


def test_it_says_how_many_receipts_are_missing(capsys):
    world = World("a" * 400, timeout=5.0).binds()
    world.receipt("2", "DELIVRD")
    world.clock.advance(5)
    assert world.code() == 1
    assert "no final receipt for 2 parts within 5 s" in capsys.readouterr().err


def test_it_says_what_a_refusal_means(capsys):
    world = World("Hi")
    world.answers.append(0x0B)
    assert world.binds().code() == 1
    assert "ESME_RINVDSTADR (Bad destination address.)" in capsys.readouterr().err


def test_why_it_takes_so_long_is_said_once(capsys):
    world = World("one", "two", "three", receipt=False)
    world.answers += [0x58, 0x58, 0x08]
    world.binds()
    assert not world.done.called
    said = capsys.readouterr().err.splitlines()
    assert [line.partition("submit_sm refused: ")[2] for line in said] == [
        "ESME_RTHROTTLED (The peer exceeds its allowed message rate.); sent again later",
        "ESME_RSYSERR (Internal failure at the message centre.); sent again later",
    ]
    for _ in range(10):
        world.clock.advance(1)
        world.flush()
    assert world.code() == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_sent_is_said(capsys):
    assert World("Hi", to="4" * 21).binds().code() == 1
    assert "the message cannot be sent: destination_addr: " in capsys.readouterr().err
    assert World("a\udcff").binds().code() == 1
    assert "not valid UTF-8 at character 2" in capsys.readouterr().err


def test_a_bind_that_is_refused_ends_it(capsys, logged_errors):
    world = World("Hi")
    world.endpoint.bind_status = 0x0E
    world.endpoint.accepts()
    assert world.code() == 2
    assert "ESME_RINVPASWD" in capsys.readouterr().err
    assert logged_errors.flush()


def test_nobody_there_ends_it(capsys):
    world = World("Hi")
    world.endpoint.refuses()
    assert world.code() == 2
    assert "smpp send: " in capsys.readouterr().err


def test_a_link_that_breaks_is_made_again(capsys):
    world = World("Hi", "Ho")
    world.answers.append(Deferred())
    world.binds()
    world.endpoint.drops()
    world.clock.advance(1)
    world.binds()
    assert "next attempt in" in capsys.readouterr().err
    for message_id in range(1, len(world.requests) + 1):
        world.receipt(str(message_id), "DELIVRD")
    assert world.code() == 0


def test_many_get_a_summary_and_a_file(capsys, tmp_path):
    path = tmp_path / "result.csv"
    world = World("one", "two", "=three", to="+49171111111", result=path)
    world.answers += [None, 0x0B]
    world.binds()
    world.receipt("1", "DELIVRD")
    world.receipt("3", "EXPIRED")
    assert world.code() == 1
    assert capsys.readouterr().out.split() == ["1", "delivered", "1", "expired", "1", "failed"]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["progress"] for row in rows] == ["delivered", "failed", "expired"]
    assert [row["message_ids"] for row in rows] == ["1", "", "3"]
    assert "ESME_RINVDSTADR" in rows[1]["error"]
    assert rows[0]["to"] == "49171111111"


def test_the_file_has_a_row_for_each_that_was_wanted(capsys, tmp_path):
    path = tmp_path / "result.csv"
    world = World("a", "b\udcff", "c", receipt=False, result=path, window=1)
    world.answers.append(Deferred())
    world.binds()
    signal.getsignal(signal.SIGINT)(signal.SIGINT, None)
    world.endpoint.drops()
    assert world.code() == 130
    said = capsys.readouterr().err
    assert "the message to 4917 cannot be sent: not valid UTF-8 at character 2" in said
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["to"], row["progress"]) for row in rows] == [
        ("4917", "unknown"),
        ("4917", "not sent"),
        ("4917", "not sent"),
    ]
    assert "not valid UTF-8" in rows[1]["error"]


def test_what_many_cannot_be_sent_for_is_not_said_for_each(capsys):
    world = World(*["a\udcff"] * 12, receipt=False).binds()
    assert world.code() == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "smpp send: 2 more messages cannot be sent"


def test_ctrl_c_ends_it_in_good_order(capsys):
    before = signal.getsignal(signal.SIGINT)
    world = World("Hi").binds()
    signal.getsignal(signal.SIGINT)(signal.SIGINT, None)
    assert world.code() == 130
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_ends_it_in_good_order(tmp_path):
    path = tmp_path / "result.csv"
    world = World("Hi", result=path).binds()
    stopping = world.clock.terminates()
    assert not stopping.called
    assert world.code() == 130
    world.clock.advance(0)
    assert stopping.called
    assert ",accepted,1,1," in path.read_text()


def test_what_it_does_not_need_any_more_is_gone_at_the_end():
    world = World("Hi", receipt=False).binds()
    assert world.code() == 0
    assert world.clock.triggers == []


def test_an_output_that_is_full_is_said_once(capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stdout.write", full)
    world = World("one", "two", "three", receipt=False).binds()
    assert world.code() == 1
    said = "smpp: cannot write to standard output: No space left on device\n"
    assert capsys.readouterr().err.startswith(said)


def test_each_pdu_may_be_shown(capsys):
    world = World("Hi", verbose=True, receipt=False).binds()
    assert world.code() == 0
    assert "submit_sm" in capsys.readouterr().out


def test_the_ids_of_parts_keep_their_places():
    assert results.ids_in_row([None, "7"]) == "- 7"
    assert results.ids_in_row([None, None]) == ""


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ((), {}),
        (("--method", "udh16"), {"method": Method.UDH_16}),
        (("--alphabet", "gsm0338", "--no-graphemes"), {"default_alphabet": "gsm0338"}),
        (("--language", "spanish"), {"languages": (Language.SPANISH,)}),
    ],
)
def test_what_no_option_says_of_texts_the_profile_says(monkeypatch, tmp_path, options, rules):
    path = tmp_path / "carrier.toml"
    path.write_text(
        '[text]\ndefault_alphabet = "latin-1"\nlanguages = ["turkish"]\nmethod = "sar"\n'
        'transliterate = true\ncodecs = { 1 = "gsm0338" }\n'
    )
    taken = []

    class Run:
        def __init__(self, reactor, settings, rules, wanted, options):
            taken.append(rules)
            raise click.Abort

    monkeypatch.setattr("twisted_smpp.cli.send.SendRun", Run)
    smpp("send", "-u", "me", "--profile", str(path), "--to", "49", *options, "Hi")
    profile = Profile.load(str(path)).text
    graphemes = "--no-graphemes" not in options
    assert taken == [replace(profile, graphemes=graphemes, **rules)]


def test_listen_does_not_wait_for_nothing():
    result = smpp("listen", "-u", "me", "--bind", "transmitter")
    assert result.exit_code == 2
    assert "--bind transmitter: it does not receive anything" in result.stderr


def test_a_cell_is_no_formula():
    assert results._harmless("=1+1") == "'=1+1"
    assert results._harmless("a=1") == "a=1"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--to", "49"], "TEXT is missing"),
        (["Hi"], "nobody to send to: give --to or --recipients"),
        (["--recipients", "none.csv", "Hi"], "cannot read none.csv: No such file"),
        (["-p", "none", "--to", "49", "Hi"], "none: No such file or directory"),
        (["--profile", "nope", "--to", "49", "Hi"], "--profile: profile 'nope' is not one of"),
        (["-c", "tcp:host:abc", "--to", "49", "Hi"], "endpoint tcp:host:abc: 'abc' is no number"),
        (["--bind", "receiver", "--to", "49", "Hi"], "--bind receiver: it does not send anything"),
        (["-c", "host", "--to", "49", "Hi"], "endpoint host: Unknown endpoint type: 'host'"),
        (["--system-type", "t" * 20, "--to", "49", "Hi"], "system_type: takes 21 octets"),
        (["--result", "none/r.csv", "--to", "49", "Hi"], "cannot write none/r.csv: No such file"),
    ],
)
def test_wrong_usage_is_said_in_one_line(arguments, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = smpp("send", "-u", "me", *arguments)
    assert result.exit_code == 2
    assert what in result.stderr


class PoolRun(World):
    """The same over several connections."""

    def binds_all(self):
        self.endpoint.smsc.on_request = self._answer
        while self.endpoint.waiting:
            self.endpoint.accepts()
        self.flush()
        return self


def test_it_sends_over_several_connections(capsys):
    world = PoolRun(*(["Hi"] * 4), binds=2, receipt=False, rate=100.0).binds_all()
    for _ in range(10):
        world.clock.advance(0.1)
        world.flush()
    assert world.code() == 0
    assert len(world.endpoint.ends) == 2
    assert len(world.requests) == 4


def test_it_gives_up_when_none_of_several_connects(capsys):
    world = PoolRun("Hi", binds=2)
    world.endpoint.refuses()
    assert not world.done.called
    world.endpoint.refuses()
    assert world.code() == 2


def test_one_connection_of_several_is_enough():
    world = PoolRun("Hi", binds=2, receipt=False)
    world.endpoint.refuses()
    world.binds()
    assert world.code() == 0
