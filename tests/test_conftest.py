"""A test that leaves something behind fails: the fixtures of conftest.py see to it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LEAKING = """
import pytest
import pytest_twisted
from twisted.internet import defer, endpoints, protocol, reactor
from twisted.logger import Logger
from twisted.python import log

factory = protocol.Factory.forProtocol(protocol.Protocol)

@defer.inlineCallbacks
def connected():
    port = yield endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
    where = f"tcp:127.0.0.1:{port.getHost().port}"
    client = yield endpoints.clientFromString(reactor, where).connect(factory)
    yield port.stopListening()
    return client

def test_leak_delayed_call():
    reactor.callLater(60, print)

def test_leak_port():
    reactor.listenTCP(0, factory, interface="127.0.0.1")

@pytest_twisted.inlineCallbacks
def test_leak_connection():
    yield connected()

def test_leak_process():
    reactor.spawnProcess(protocol.ProcessProtocol(), "/bin/sleep", ["sleep", "60"])

def test_leak_logged_error():
    Logger().error("something is wrong")

def test_leak_logged_failure():
    log.err(ValueError("the old interface of the log"))

def test_leak_unhandled_error():
    defer.fail(ValueError("nobody handles it"))

def test_leak_unhandled_error_in_a_cycle():
    cycle = [defer.fail(ValueError("nobody handles it"))]
    cycle.append(cycle)

def test_leak_other_error_than_the_expected(logged_errors):
    log.err(ValueError("unexpected"))
    log.err(KeyError("expected"))
    assert len(logged_errors.flush(KeyError)) == 1

def test_clean_after_all_that():
    pass

def test_clean_expected_errors(logged_errors):
    Logger().error("something is wrong")
    defer.fail(ValueError("nobody handles it"))
    assert len(logged_errors.flush(ValueError)) == 1
    assert len(logged_errors.flush()) == 1

def test_clean_warning():
    Logger().warn("less than an error")

@pytest_twisted.inlineCallbacks
def test_clean_connection_being_closed():
    client = yield connected()
    client.transport.loseConnection()

@pytest.fixture(scope="module")
def port():
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    yield port
    pytest_twisted.blockon(port.stopListening())

def test_clean_port_of_the_module(port):
    pass
"""

LEAKS = re.findall(r"def test_(leak_\w+)", LEAKING)
CLEAN = re.findall(r"def test_(clean_\w+)", LEAKING)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The lines of one run over the tests above, in a process with a reactor of its own."""
    folder = tmp_path_factory.mktemp("leaking")
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_sample.py").write_text(LEAKING)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-v", "-rpE", "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return run.stdout.splitlines()


@pytest.mark.parametrize("name", LEAKS)
def test_leak_is_an_error_of_the_test(outcome, name):
    assert any(line.startswith(f"ERROR test_sample.py::test_{name} ") for line in outcome), outcome


@pytest.mark.parametrize("name", CLEAN)
def test_clean_test_passes(outcome, name):
    assert f"PASSED test_sample.py::test_{name}" in outcome
    assert not any(line.startswith(f"ERROR test_sample.py::test_{name} ") for line in outcome)


def test_what_is_left_is_told(outcome):
    report = "\n".join(outcome)

    assert "left in the reactor: <DelayedCall" in report
    assert "something is wrong" in report
    assert "nobody handles it" in report


def test_error_after_the_last_test_is_seen(tmp_path):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_sample.py").write_text(
        "import pytest\n"
        "from twisted.logger import Logger\n"
        "@pytest.fixture(scope='module')\n"
        "def late():\n"
        "    yield\n"
        "    Logger().error('too late for a test')\n"
        "def test_late(late):\n"
        "    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert run.returncode == 1
    assert "too late for a test" in run.stdout
