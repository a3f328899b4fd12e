"""The programs and the shell commands of the documentation, run as they stand there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

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
