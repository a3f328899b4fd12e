"""Standard output that is full, or whose reader has gone: the same for every command."""

from __future__ import annotations

import errno
import sys

import click
import pytest
from test_cli_handing import World as Handing
from test_cli_probe import Command as Probing

from twisted_smpp.cli import main, printing
from twisted_smpp.wire.pdus import EnquireLink

SAID = "smpp: cannot write to standard output: No space left on device\n"
ENQUIRE_LINK = EnquireLink(sequence_number=1).encode().hex()


def paths(group, before=()):
    """The words of each command, groups included."""
    yield before
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from paths(command, (*before, name))
        else:
            yield (*before, name)


class Unwritable:
    """From now on nothing can be printed."""

    def __init__(self, number, monkeypatch):
        self.said = SAID if number == errno.ENOSPC else ""
        self._number = number
        self._monkeypatch = monkeypatch

    def begins(self):
        # Here, as pytest puts another stream in its place for each phase of a test.
        self._monkeypatch.setattr(sys.stdout, "write", self._refuse)

    def _refuse(self, *_):
        # The system's words, and the class that belongs to the number.
        raise OSError(self._number, "No space left on device")


@pytest.fixture(params=[errno.ENOSPC, errno.EPIPE], ids=["full", "gone"])
def unwritable(request, monkeypatch):
    return Unwritable(request.param, monkeypatch)


def run(*words):
    with pytest.raises(SystemExit) as ended:
        main(words, prog_name="smpp")
    return ended.value.code


@pytest.mark.parametrize("words", list(paths(main)), ids=lambda words: "-".join(("smpp", *words)))
def test_help_that_cannot_be_printed_is_one_line_and_1(words, unwritable, capsys):
    unwritable.begins()
    assert run(*words, "--help") == 1
    assert capsys.readouterr().err == unwritable.said


@pytest.mark.parametrize(
    "words",
    [("text", "hello"), ("text", "--json", "hello"), ("decode", ENQUIRE_LINK), ("--version",)],
    ids=lambda words: words[0],
)
def test_what_cannot_be_printed_is_one_line_and_1(words, unwritable, capsys):
    unwritable.begins()
    assert run(*words) == 1
    assert capsys.readouterr().err == unwritable.said


def test_a_probe_that_cannot_be_printed_is_1(unwritable, capsys):
    unwritable.begins()
    world = Probing(own=True)
    done = world.start()
    codes = []
    done.addErrback(lambda why: codes.append(why.trap(SystemExit) and why.value.code))
    world.finished(done)
    assert codes == [1]
    assert capsys.readouterr().err == unwritable.said


@pytest.mark.parametrize("texts", [("a",), ("a", "b")])
def test_what_became_of_messages_that_were_handed_over_cannot_be_printed(texts, unwritable, capsys):
    unwritable.begins()
    world = Handing(*texts, receipt=False)
    for request in world.requests():
        if "id" in request:
            world.says(id=request["id"], stored=True, number=7)
    assert world.done.result == 1
    assert capsys.readouterr().err == unwritable.said


def test_another_error_of_the_system_is_none_of_the_output():
    with pytest.raises(PermissionError), printing.output():
        raise PermissionError(errno.EACCES, "Permission denied")


def test_standard_error_that_is_full_is_none_of_the_output(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys.stderr, "write", refuse)
    with pytest.raises(OSError, match="No space left"), printing.output():
        click.echo("x", err=True)


def test_what_is_printed_in_it_is_printed(capsys):
    with printing.output():
        click.echo("x")
    assert capsys.readouterr().out == "x\n"


def test_without_standard_output_nothing_is_begun(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout", None)
    assert run("text", "Hi") == 1
    assert capsys.readouterr().err == "smpp: standard output is closed\n"


def test_without_standard_error_nothing_breaks(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    assert run("send", "--to", "49", "Hi") == 2
    with sys.stderr:  # /dev/null
        assert run("decode", ENQUIRE_LINK) == 0
    assert "enquire_link" in capsys.readouterr().out
