"""``smpp send`` as people use it: its bar, its summary when it is interrupted, standard input."""

import csv
import io
import re
import signal
import sys

import click
import pytest
from test_cli import smpp
from test_cli_send import World
from twisted.internet.defer import Deferred

from twisted_smpp import CommandStatus as S
from twisted_smpp.cli.recipients import Recipient
from twisted_smpp.cli.send import _wanted


def throttled(request):
    return S.ESME_RTHROTTLED


def interrupt():
    signal.getsignal(signal.SIGINT)(signal.SIGINT, None)


def test_what_waits_at_the_end_was_not_sent(capsys, tmp_path):
    path = tmp_path / "result.csv"
    world = World("a", "b", "c", receipt=False, result=path, window=1)
    world.answers += [None, throttled]
    world.binds()
    interrupt()
    assert world.code() == 130
    assert capsys.readouterr().out == "       1  sent\n       2  not sent\n"
    with path.open(newline="") as file:
        rows = [(row["progress"], row["attempts"]) for row in csv.DictReader(file)]
    assert rows == [("sent", "1"), ("not sent", "1"), ("not sent", "0")]


def test_what_may_have_been_sent_once_is_unknown_at_the_end(capsys):
    world = World("a", "b", receipt=False, window=1)
    world.answers += [Deferred(), throttled]
    world.binds()
    world.endpoint.drops()
    world.clock.advance(60)
    world.binds()
    assert len(world.requests) == 2
    interrupt()
    assert world.code() == 130
    assert capsys.readouterr().out == "       1  unknown\n       1  not sent\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("columns", "longest"), [("30", 30), ("80", 70), ("200", 70)])
def test_a_terminal_shows_how_far_it_is(columns, longest, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stderr", Terminal())
    world = World("a", "b", "c", window=1)
    world.answers += [None, None, throttled]
    world.binds()
    world.clock.advance(60)
    world.flush()
    for message_id in "124":
        world.receipt(message_id, "DELIVRD")
    assert world.code() == 0
    said = re.sub("\x1b\\[[?]25[lh]", "", sys.stderr.getvalue())
    bars = [line for line in re.split("[\r\n]+", said) if re.search(r"\[[#-]", line)]
    assert max(len(line.rstrip()) for line in bars) <= longest
    labels = [line.split()[0] for line in bars]
    assert labels == sorted(labels, reverse=True)
    assert set(labels) == {"sent", "receipts"}
    assert "\r\x1b[Ksmpp send: submit_sm refused: ESME_RTHROTTLED" in said


def test_the_text_may_come_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Grüße\n".encode())))
    assert _wanted(("49",), None, "-") == [Recipient("49", "Grüße")]
    with pytest.raises(click.UsageError, match="the text or the recipients, not both"):
        _wanted((), "-", "-")


def test_the_result_does_not_replace_the_recipients(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "customers.csv"
    path.write_text("to\n49\n")
    words = ("-u", "me", "-p", "customers.csv", "--recipients", str(path), "Hi")
    done = smpp("send", *words, "--result", "customers.csv")
    assert done.exit_code == 2
    assert "--result customers.csv would replace the recipients" in done.stderr
    assert path.read_text() == "to\n49\n"


def test_an_interrupt_while_standard_input_is_read_is_130(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("twisted_smpp.cli.recipients.standard_input", interrupted)
    with pytest.raises(SystemExit) as ended:
        _wanted((), "-", "Hi")
    assert ended.value.code == 130


@pytest.mark.parametrize(
    "words",
    [
        ("send", "-u", "me", "-c", "nope:a:b", "--to", "49", "Hi"),
        ("listen", "-u", "me", "-c", "nope:a:b"),
        ("probe", "-u", "me", "nope:a:b"),
    ],
    ids=lambda words: words[0],
)
def test_it_says_when_there_is_no_password(words, monkeypatch):
    monkeypatch.delenv("SMPP_PASSWORD", raising=False)
    said = "binds without a password: neither --password-file nor the variable SMPP_PASSWORD"
    assert f"smpp {words[0]}: {said}" in smpp(*words).stderr
    monkeypatch.setenv("SMPP_PASSWORD", "")
    assert said not in smpp(*words).stderr
