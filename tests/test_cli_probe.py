"""``smpp probe``: against message centres in memory, on a clock."""

import json
import signal

import click
import pytest
from probe_kit import World, answer
from test_cli import smpp
from twisted.internet.defer import Deferred

from twisted_smpp import BindReceiver, CommandStatus, InterfaceVersion, UnknownPDU
from twisted_smpp.cli.probe import ProbeRun, endpoint_of


class Command(World):
    """One run of the command."""

    def start(self, as_json=False, **options):
        defaults = {"to": "", "system_id": "me", "password": "pw", "timeout": 5.0}
        self.command = ProbeRun(self.clock, self.network, as_json, defaults | options)
        return Deferred.fromCoroutine(self.command.run())

    def code(self, as_json=False, **options):
        return self.finished(self.start(as_json, **options))


def test_a_good_message_centre_is_printed_as_a_table(capsys):
    assert Command(own=True).code() == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "message centre  twisted_smpp"
    row = next(line for line in lines if line.startswith("second bind on a session"))
    assert row.split(None, 5)[5] == "supported      It refused, and the session went on."
    assert "not tried: It sends messages, and no address was given." in lines
    assert lines[-1] == "14 supported, 1 not supported, 17 not tried"
    assert err == ""


def test_a_violation_is_exit_code_1(capsys):
    assert Command({UnknownPDU: lambda centre, pdu: None}).code() == 1
    assert "violation      It did not answer within 5 s." in capsys.readouterr().out


def test_a_refused_bind_is_exit_code_1():
    def refuses(centre, pdu):
        return answer(pdu, CommandStatus.ESME_RBINDFAIL)

    assert Command({BindReceiver: refuses}).code() == 1
    assert Command({BindReceiver: refuses}).code(binds=["transceiver"]) == 0


def test_what_the_session_noticed_is_listed(capsys):
    def other_number(centre, pdu):
        response = centre.bind(pdu)
        response.sequence_number = 99
        return response

    versions = [InterfaceVersion.V3_4]
    assert Command({BindReceiver: other_number}).code(versions=versions) == 1
    out = capsys.readouterr().out
    assert "bind_receiver_3.4: response to no request, command_id 0x80000001" in out


def test_json_is_one_object(capsys):
    assert Command().code(as_json=True) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["system_id"] == "centre"
    assert data["passed"] is True
    assert {each["verdict"] for each in data["checks"]} == {
        "supported",
        "not supported",
        "not tried",
    }


def test_it_says_how_many_messages_it_sends(capsys):
    assert Command().code(to="4917", receipt_timeout=5.0) == 0
    assert capsys.readouterr().err == "smpp probe: sends 17 messages to 4917\n"


def test_nobody_there(capsys):
    command = Command()
    command.network.limit = 0
    assert command.code() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("smpp probe: cannot connect: Connection was refused")


def test_ctrl_c_prints_what_is_known(capsys):
    before = signal.getsignal(signal.SIGINT)
    command = Command({UnknownPDU: lambda centre, pdu: None})
    done = command.start(versions=[InterfaceVersion.V3_4])
    while command.clock.seconds() < 5:
        command.clock.advance(0.05)
        command.network.flush()
    signal.getsignal(signal.SIGINT)(signal.SIGINT, None)
    assert command.finished(done) == 130
    assert signal.getsignal(signal.SIGINT) is before
    out = capsys.readouterr().out
    assert "bind_transceiver, SMPP 3.4  supported" in out
    assert "It was interrupted." in out


def test_a_terminal_sees_the_progress(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert Command().code() == 0
    assert "second bind on a session ..." in capsys.readouterr().err


def test_what_the_message_centre_says_does_not_reach_the_terminal_raw(capsys):
    def names_itself(centre, pdu):
        response = centre.bind(pdu)
        response.system_id = "\x1b[31mred"
        return response

    Command({BindReceiver: names_itself}).code(binds=["receiver"])
    assert "message centre  \\x1b[31mred" in capsys.readouterr().out


def test_wrong_values_are_said_in_one_line():
    with pytest.raises(click.UsageError, match="destination_addr: takes 22 octets"):
        Command().start(to="4" * 21)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("smsc.example", "tcp:smsc.example:2775"),
        ("smsc.example:3550", "tcp:smsc.example:3550"),
        ("192.0.2.1:2776", "tcp:192.0.2.1:2776"),
        ("[2001:db8::1]", r"tcp:2001\:db8\:\:1:2775"),
        ("[2001:db8::1]:2776", r"tcp:2001\:db8\:\:1:2776"),
        ("tcp:smsc.example:2775", "tcp:smsc.example:2775"),
        ("tls:smsc.example:3550:trustRoots=certs", "tls:smsc.example:3550:trustRoots=certs"),
        ("unix:/run/smsc", "unix:/run/smsc"),
    ],
)
def test_a_host_is_an_endpoint(text, endpoint):
    assert endpoint_of(text) == endpoint


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "Missing argument 'ENDPOINT|HOST[:PORT]'"),
        (["nope:a:b"], "Unknown endpoint type: 'nope'"),
        (["localhost", "-p", "none"], "none: No such file or directory"),
        (["localhost", "--version", "6"], "'6' is not one of"),
        (["localhost", "--to", "4" * 21], "destination_addr: takes 22 octets"),
        (["localhost", "--window", "0"], "0 is not in the range"),
    ],
)
def test_wrong_usage(arguments, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = smpp("probe", "-u", "me", *arguments)
    assert result.exit_code == 2
    assert what in result.stderr
