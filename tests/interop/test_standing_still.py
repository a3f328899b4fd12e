"""A reactor that stands still, in a process of its own."""

import json
import re
import signal
import subprocess
import sys

import pytest
from interop_daemon import free_port, script

pytestmark = pytest.mark.interop

PROGRAM = """
import sys, threading
from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted_smpp import StallWatch

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
watch = StallWatch(0.2, reactor=reactor)

def a_callback_that_waits():
    threading.Event().wait(1.5)
    reactor.callLater(0, the_end)

def the_end():
    if not watch.count:  # the thread is about to say that it goes on
        reactor.callLater(0.01, the_end)
        return
    watch.stopService()
    reactor.stop()

watch.startService()
reactor.callLater(0.6, a_callback_that_waits)
reactor.run()
print(watch.count, round(watch.longest, 1), threading.active_count() <= 2)
"""


def test_s17_the_code_that_it_stands_in_is_in_the_log():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"the reactor has stood still for ([\d.]+) s, here:", done.stdout)[:2]
    assert "in a_callback_that_waits\n" in done.stdout
    assert re.search(r"the reactor goes on after 1\.[3-9] s\n", done.stdout)
    count, longest, few = done.stdout.splitlines()[-1].split()
    assert (count, few) == ("1", "True")
    assert 1.2 < float(longest) < 5


def test_o07_a_daemon_that_was_stopped_says_so(daemon, tmp_path):
    port = free_port()
    listen = ("--listen", f"tcp:{port}:interface=127.0.0.1", "--auth", "memory:a:secret")
    control = tmp_path / "control"
    centre = daemon("smsc", "--stall", "0.2", *listen, "--control", control, port=port)
    assert longest_stall(control) == 0  # and it watches by now
    centre.process.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        centre.process.wait(1.5)
    centre.process.send_signal(signal.SIGCONT)
    centre.wait_for_line("it was stopped, or C code has let nothing else run")
    assert "here:" not in centre.log.read_text()
    assert longest_stall(control) > 1


def longest_stall(control):
    command = [script("smpp"), "control", "status", control]
    status = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(status.stdout)["longest_stall"]
