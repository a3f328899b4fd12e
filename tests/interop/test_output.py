"""The smpp command with a device that is full, and a pipe whose reader has gone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from interop_daemon import script

pytestmark = pytest.mark.interop

COMMANDS = [("--help",), ("text", "hello"), ("control", "held", "--help")]


def run(words, stdout, **environment):
    return subprocess.run(
        [script("smpp"), *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_device_is_one_line(words, unbuffered):
    with Path("/dev/full").open("wb") as full:
        done = run(words, full, PYTHONUNBUFFERED=unbuffered)
    said = b"smpp: cannot write to standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_nothing_to_speak_of(words, unbuffered):
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = run(words, writes, PYTHONUNBUFFERED=unbuffered)
    finally:
        os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")
