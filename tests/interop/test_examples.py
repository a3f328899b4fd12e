"""The programs and the shell commands of the documentation, run as they stand there."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from interop_daemon import Daemon, free_port

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"


def run(*command, **options):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment, check=False, **options
    )


@pytest.fixture
def own_smsc(tmp_path):
    """docs/examples/smsc.py on a port that is free."""
    port = free_port()
    code = (EXAMPLES / "smsc.py").read_text().replace("tcp:2775", f"tcp:{port}")
    (tmp_path / "smsc.py").write_text(code)
    process = Daemon(tmp_path, ["--python", "smsc.py"], port, plugin=())
    yield process
    process.stop()


def test_esme_example_sends_to_the_message_centre_example(own_smsc, tmp_path):
    (tmp_path / "password").write_text("password\n")
    command = [sys.executable, str(EXAMPLES / "esme.py"), f"tcp:127.0.0.1:{own_smsc.port}"]

    done = run(*command, "smppclient1", str(tmp_path / "password"))

    assert done.returncode == 0, done.stderr
    accepted, final = done.stdout.splitlines()
    message_id = accepted.removeprefix("accepted as ")
    assert final == f"{message_id} is DELIVRD"
    assert "Your parcel is here" in own_smsc.log.read_text()


def test_long_text_example_waits_for_all_receipts(smsc, tmp_path):
    (tmp_path / "password").write_text("password\n")
    command = [sys.executable, str(EXAMPLES / "send_long.py"), f"tcp:127.0.0.1:{smsc.port}"]
    command += ["smppclient1", str(tmp_path / "password"), "491761234567", "It’s here. " * 20]

    done = run(*command)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    ids = [
        line.removeprefix(f"part {number} of 2 accepted as ")
        for number, line in enumerate(lines[:2], 1)
    ]
    assert lines[2:] == [f"{message_id} is DELIVRD" for message_id in ids]


DELIVERING = """
from twisted.application.service import Application
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal

from twisted_smpp import Customer, MessageCentre, SMSCService
from twisted_smpp.text import segments


class Delivering(Customer):
    def bound(self, session):
        super().bound(session)
        for segment in reversed(segments("Is it here? " * 20, reference=7)):
            session.deliver_sm(
                source_addr="491761234567", destination_addr="1234", **segment.fields
            )


checker = InMemoryUsernamePasswordDatabaseDontUse(smppclient1=b"password")
portal = Portal(MessageCentre(make=Delivering), [checker])
application = Application("message centre")
SMSCService("tcp:PORT:interface=127.0.0.1", portal).setServiceParent(application)
"""


def test_receiving_example_prints_a_long_text(tmp_path):
    port = free_port()
    (tmp_path / "delivering.py").write_text(DELIVERING.replace("PORT", str(port)))
    (tmp_path / "password").write_text("password\n")
    smsc = Daemon(tmp_path, ["--python", "delivering.py"], port, plugin=())
    command = [sys.executable, str(EXAMPLES / "receive.py"), f"tcp:127.0.0.1:{port}"]
    command += ["smppclient1", str(tmp_path / "password")]
    receiving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    overdue = threading.Timer(20, receiving.kill)
    overdue.start()
    try:
        line = receiving.stdout.readline().decode()
        receiving.send_signal(signal.SIGINT)
        assert receiving.wait() == 0
    finally:
        overdue.cancel()
        receiving.kill()
        receiving.stdout.close()
        receiving.wait()
        smsc.stop()

    assert line == f"491761234567: {'Is it here? ' * 20!r}\n"


def shell_lines(page, start):
    text = (ROOT / page).read_text("utf-8")
    return [
        line.strip().removeprefix("$ ")
        for line in re.findall(r"^(?:    |\$ ).+$", text, re.M)
        if start in line
    ]


def test_message_centre_and_send_of_the_readme(daemon, tmp_path):
    port = free_port()
    (twistd,) = shell_lines("README.md", "twistd --nodaemon smpp smsc")
    (send,) = shell_lines("README.md", "smpp send")
    arguments = shlex.split(twistd)
    assert arguments[:3] == ["twistd", "--nodaemon", "smpp"]
    daemon(*arguments[3:], "--listen", f"tcp:{port}:interface=127.0.0.1", port=port)

    done = run("sh", "-c", f"{send} --connect tcp:127.0.0.1:{port}", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "DELIVRD"


def test_decode_of_the_readme():
    (decode,) = shell_lines("README.md", "smpp decode")

    done = run("sh", "-c", decode)

    assert done.returncode == 0
    assert "ESME_RINVDSTADR: Bad destination address." in done.stdout


def test_tutorial_sends_a_message(smsc, tmp_path):
    password, send = (
        *shell_lines("docs/tutorial/first-message.md", "echo password"),
        *shell_lines("docs/tutorial/first-message.md", "smpp send"),
    )

    done = run(
        "sh", "-c", f"{password} && {send} --connect tcp:127.0.0.1:{smsc.port}", cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "DELIVRD"


def test_web_server_of_the_page_sends(smsc, tmp_path):
    (password,) = shell_lines("docs/howto/embed-beside-a-web-server.md", "echo password")
    (twistd,) = shell_lines("docs/howto/embed-beside-a-web-server.md", "twistd")
    curl = shell_lines("docs/howto/embed-beside-a-web-server.md", "curl")
    port = free_port()
    code = (EXAMPLES / "web.py").read_text().replace("tcp:8080", f"tcp:{port}")
    code = code.replace("tcp:127.0.0.1:2775", f"tcp:127.0.0.1:{smsc.port}")
    (tmp_path / "web.py").write_text(code)
    assert run("sh", "-c", password, cwd=tmp_path).returncode == 0
    assert shlex.split(twistd) == ["twistd", "--nodaemon", "--python", "web.py"]
    web = Daemon(tmp_path, ["--python", "web.py"], port, plugin=())
    web.wait_for_line("bound to")
    url = f"http://127.0.0.1:{port}/"

    fields = [each for each in shlex.split(curl[0]) if "=" in each]
    body = urlencode([tuple(each.split("=", 1)) for each in fields]).encode()
    with urlopen(f"{url}messages", body, timeout=20) as answer:
        assert list(json.load(answer)) == ["ids"]
    with urlopen(url, timeout=20) as answer:
        assert json.load(answer)["waiting"] == 0

    assert web.stop() == -signal.SIGTERM  # as twistd ends by a signal
    assert "Traceback" not in web.log.read_text()
