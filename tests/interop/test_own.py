"""Our ESME, our message centre and our commands against each other, over real TCP."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interop_certificate import certificate
from interop_daemon import SECONDS, free_port, script

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("password\n")
    return path


def run(*command, **options):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env={**environment, **options.pop("env", {})},
        check=False,
        **options,
    )


def send(endpoint, *arguments, **options):
    return run(script("smpp"), "send", "-c", endpoint, "-u", "smppclient1", *arguments, **options)


def test_send_waits_for_the_receipt_and_exits_with_0(smsc, password_file):
    done = send(
        f"tcp:127.0.0.1:{smsc.port}", "-p", password_file, "--to", "491761234567", "Hello 👋"
    )

    assert (done.returncode, done.stderr) == (0, "")
    accepted, state = done.stdout.splitlines()
    assert accepted.startswith("accepted, message_id ")
    assert state == "DELIVRD"


def test_send_takes_the_password_from_the_environment(smsc):
    done = send(
        f"tcp:127.0.0.1:{smsc.port}",
        "--to",
        "491761234567",
        "--no-receipt",
        "Hi",
        env={"SMPP_PASSWORD": "password"},
    )

    assert done.returncode == 0
    assert "DELIVRD" not in done.stdout


def test_send_prints_each_pdu_without_text_or_password(smsc, password_file):
    done = send(f"tcp:127.0.0.1:{smsc.port}", "-v", "-p", password_file, "--to", "4917", "Kennwort")

    commands = [line.split()[2] for line in done.stdout.splitlines() if " -> " in line]
    assert commands == ["bind_transceiver", "submit_sm", "deliver_sm_resp", "unbind"]
    assert "Kennwort" not in done.stdout
    assert "password=<hidden>" in done.stdout


def test_send_exits_with_1_when_the_message_cannot_be_sent(smsc, password_file):
    done = send(
        f"tcp:127.0.0.1:{smsc.port}", "-p", password_file, "--to", "4" * 21, "too long an address"
    )

    assert done.returncode == 1
    assert done.stderr == (
        "smpp send: the message cannot be sent: destination_addr: "
        "takes 22 octets with its NUL, at most 21 are allowed\n"
    )


def test_send_exits_with_2_when_the_bind_is_refused(smsc, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("guess")

    done = send(f"tcp:127.0.0.1:{smsc.port}", "-p", wrong, "--to", "4917", "Hello")

    assert done.returncode == 2
    assert "bind_transceiver refused: ESME_RINVPASWD" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_send_exits_with_2_when_nobody_listens(password_file):
    done = send(
        f"tcp:127.0.0.1:{free_port()}:timeout=5", "-p", password_file, "--to", "4917", "Hello"
    )

    assert done.returncode == 2
    assert "refused" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_esme_daemon_binds_stays_bound_and_binds_again(daemon, smsc, password_file):
    esme = daemon(
        "esme",
        "--connect",
        f"tcp:127.0.0.1:{smsc.port}",
        "--system-id",
        "smppclient1",
        "--password-file",
        password_file,
        "--bind",
        "receiver",
    )
    esme.wait_for_line("bound to")

    sent = send(
        f"tcp:127.0.0.1:{smsc.port}",
        "-p",
        password_file,
        "--to",
        "4917",
        "--bind",
        "transmitter",
        "the receipt goes to the receiver",
    )

    assert sent.returncode == 0
    esme.wait_for_line("receipt for ")
    assert "stat" not in esme.log.read_text()
    assert "DELIVRD" in esme.log.read_text()


def test_a20_message_centre_over_tls_is_verified(daemon, tmp_path, password_file):
    certificate(tmp_path)
    port = free_port()
    daemon(
        "smsc",
        "--listen",
        f"ssl:{port}:interface=127.0.0.1:privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem",
        "--auth",
        "memory:smppclient1:password",
        port=port,
    )
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "cert.pem").write_bytes((tmp_path / "cert.pem").read_bytes())

    good = send(
        f"tls:localhost:{port}:trustRoots={trusted}", "-p", password_file, "--to", "4917", "Hi"
    )
    unverified = send(f"tls:localhost:{port}", "-p", password_file, "--to", "4917", "Hi")

    assert (good.returncode, good.stderr) == (0, "")
    assert unverified.returncode == 2
    assert unverified.stderr.endswith("failed: TLS: certificate verify failed\n")
    probed = run(script("smpp"), "probe", f"tls:localhost:{port}", "-u", "a", "-p", password_file)
    assert probed.returncode == 2
    assert probed.stderr == (
        "smpp probe: it closed the connection instead of answering "
        "(TLS: certificate verify failed)\n"
    )
    other_name = send(
        f"tls:other.example:{port}:trustRoots={trusted}:endpoint=tcp\\:127.0.0.1\\:{port}",
        "-p",
        password_file,
        "--to",
        "4917",
        "Hi",
    )
    assert other_name.returncode == 2
    assert other_name.stderr.endswith("TLS: the certificate is not one of other.example\n")


def test_a20_a_certificate_that_has_expired_is_refused(daemon, tmp_path, password_file):
    certificate(tmp_path, hours=-0.5)
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "cert.pem").write_bytes((tmp_path / "cert.pem").read_bytes())
    port = free_port()
    files = f"privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
    listen = ("--listen", f"ssl:{port}:interface=127.0.0.1:{files}")
    daemon("smsc", *listen, "--auth", "memory:smppclient1:password", port=port)

    done = send(
        f"tls:localhost:{port}:trustRoots={trusted}", "-p", password_file, "--to", "4917", "Hi"
    )

    assert done.returncode == 2
    assert done.stderr.endswith("failed: TLS: certificate verify failed\n")


def test_sigterm_ends_send_and_listen_in_good_order(daemon, password_file, tmp_path):
    port, result = free_port(), tmp_path / "result.csv"
    # The message waits for somebody who does not come: there is no receipt.
    auth = ("--auth", "memory:smppclient1:password:b:b", "--default-route", "account:b")
    listen = ("--listen", f"tcp:{port}:interface=127.0.0.1")
    smsc = daemon("smsc", *listen, *auth, "--store", "memory", port=port)
    link = ("-c", f"tcp:127.0.0.1:{port}", "-u", "smppclient1", "-p", password_file)

    def ends(command, *more):
        bound = smsc.log.read_text().count("bound from") + 1
        process = subprocess.Popen(
            [script("smpp"), command, *link, *more], stderr=subprocess.PIPE, text=True
        )
        smsc.wait_until(lambda: smsc.log.read_text().count("bound from") == bound)
        process.terminate()
        said = process.communicate(timeout=30)[1]
        assert "Traceback" not in said
        return process.returncode

    assert ends("listen") == 0
    assert ends("send", "--result", str(result), "--to", "4917", "Hi") == 130
    row = result.read_text().splitlines()[1]
    assert row.startswith(("4917,accepted,1,", "4917,not sent,1,,0"))
    assert smsc.log.read_text().count("ended: the peer has unbound") == 2


def test_listen_ends_when_nobody_reads_what_it_prints(smsc, password_file):
    link = ("-c", f"tcp:127.0.0.1:{smsc.port}", "-u", "smppclient1", "-p", password_file)
    listening = subprocess.Popen(
        [script("smpp"), "listen", *link],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    listening.stdout.close()
    smsc.wait_until(lambda: "bound from" in smsc.log.read_text())
    sent = send(
        f"tcp:127.0.0.1:{smsc.port}",
        "-p",
        password_file,
        "--to",
        "4917",
        "--bind",
        "transmitter",
        "Hi",
    )
    assert sent.returncode == 0
    said = listening.stderr.read()
    assert (listening.wait(30), "Traceback" in said, "Exception" in said) == (1, False, False)
    listening.stderr.close()


def test_demo_delivers_its_message(tmp_path):
    # Its message centre leaves that of the user alone, and what that has stored.
    done = run(
        sys.executable,
        str(ROOT / "docs/examples/demo.py"),
        env={"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
    )
    assert list(tmp_path.iterdir()) == []

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    passed = [line.split()[1:3] for line in lines[1:-1]]
    assert passed == [
        ["->", "bind_transceiver"],
        ["<-", "bind_transceiver_resp"],
        ["->", "submit_sm"],
        ["<-", "submit_sm_resp"],
        ["<-", "deliver_sm"],
        ["->", "deliver_sm_resp"],
        ["->", "unbind"],
        ["<-", "unbind_resp"],
    ]
    assert lines[-1].endswith(": DELIVRD")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "twistd smpp: say which role: smsc or esme"),
        (["cook"], "twistd smpp: Unknown command: cook"),
        (["smsc"], "twistd smpp smsc: --accounts or --auth is needed: nobody could bind"),
        (["smsc", "--colour", "red"], "twistd smpp smsc: option --colour not recognized"),
        (["smsc", "--auth", "file:none"], "twistd smpp smsc: --auth: there is no file none"),
        (
            ["smsc", "--auth", "magic:x"],
            "twistd smpp smsc: --auth magic: Auth plugin not recognized: magic",
        ),
        (
            ["smsc", "--auth", "memory:a:b", "--window", "0"],
            "twistd smpp smsc: --window is 0, at least 1 is needed",
        ),
        (
            ["smsc", "--auth", "memory:a:b", "--listen", "carrier-pigeon:1"],
            "twistd smpp smsc: endpoint carrier-pigeon:1: Unknown endpoint type: 'carrier-pigeon'; "
            "it begins with its kind, such as tcp:",
        ),
        (["esme"], "twistd smpp esme: --system-id is needed"),
        (
            ["esme", "--system-id", "a", "--bind", "tied"],
            "twistd smpp esme: --bind is one of transmitter, receiver, transceiver",
        ),
        (
            ["esme", "--system-id", "a", "--password-file", "/no/such/file"],
            "twistd smpp esme: --password-file: cannot read /no/such/file: "
            "No such file or directory",
        ),
        (
            ["smsc", "--auth", "memory:a:b", "--system-id", "m" * 16],
            "twistd smpp smsc: system_id: takes 17 octets with its NUL, at most 16 are allowed",
        ),
        (
            ["smsc", "--auth", "memory:a:b", "--listen", "ssl:0:privateKey=/no/such/key"],
            "twistd smpp smsc: endpoint ssl:0:privateKey=/no/such/key: [Errno 2] "
            "No such file or directory: '/no/such/key'",
        ),
        (
            ["esme", "--system-id", "a" * 16],
            "twistd smpp esme: system_id: takes 17 octets with its NUL, at most 16 are allowed",
        ),
    ],
)
def test_wrong_options_end_with_one_line_and_exit_code_1(arguments, error, tmp_path):
    done = run(script("twistd"), "--nodaemon", "--pidfile=", "smpp", *arguments, cwd=tmp_path)

    assert done.returncode == 1
    last = done.stderr.strip().splitlines()
    assert len(last) == 1
    assert last[0].removesuffix(" (--help shows the options)") == error


def second_smsc(smsc, folder, *flags):
    """Another message centre on the port of the first."""
    listen = f"tcp:{smsc.port}:interface=127.0.0.1"
    command = [script("twistd"), *flags, "smpp", "smsc", "--auth", "memory:a:b"]
    return run(*command, "--listen", listen, cwd=folder, env={"STATE_DIRECTORY": str(folder)})


def test_port_that_is_taken_ends_with_one_line(smsc, tmp_path):
    done = second_smsc(smsc, tmp_path, "--nodaemon", "--pidfile=")

    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert "Address already in use" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--listen", "tcp:99999"], "cannot listen: bind(): port must be 0-65535."),
        (
            ["--control", "/no/such/folder/c"],
            "--control /no/such/folder/c: No such file or directory",
        ),
        (["--control", "c" * 200], f"--control {'c' * 200}: AF_UNIX path too long"),
    ],
)
def test_what_cannot_be_listened_at_ends_with_one_line(arguments, error, tmp_path):
    options = ["--auth", "memory:a:b", "--store", "memory", "--listen", "tcp:0", *arguments]
    done = run(script("twistd"), "--nodaemon", "--pidfile=", "smpp", "smsc", *options, cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"twistd smpp smsc: {error}\n"
    assert "Traceback" not in done.stdout


def test_w10_a_control_socket_is_asked_and_one_in_use_is_told(daemon, tmp_path):
    options = ["--auth", "memory:a:b", "--store", "memory", "--listen", "tcp:0"]
    first = daemon("smsc", *options, "--control", str(tmp_path / "c"))
    first.wait_for_line("SMSCFactory starting")

    command = [script("twistd"), "--nodaemon", "--pidfile=", "smpp", "smsc", *options]
    done = run(*command, "--control", str(tmp_path / "c"), cwd=tmp_path)

    asked = run(script("smpp"), "control", "status", str(tmp_path / "c"))
    assert (asked.returncode, json.loads(asked.stdout)["sessions"]) == (0, 0)
    asked = run(script("smpp"), "control", "revive", str(tmp_path / "c"), "a")
    assert (asked.returncode, asked.stdout) == (0, "0 are delivered again\n")
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600
    assert done.returncode == 1
    line = f"twistd smpp smsc: --control {tmp_path}/c: another process listens there\n"
    assert done.stderr == line


def test_port_that_is_taken_does_not_hang_in_the_background(smsc, tmp_path):
    done = second_smsc(smsc, tmp_path)

    assert done.returncode == 1
    assert "Couldn't listen on 127.0.0.1" in done.stderr
    end = time.monotonic() + SECONDS  # twistd tells what is wrong, and then removes the file
    while (tmp_path / "twistd.pid").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("role", [[], ["smsc"], ["esme"]])
def test_help_shows_how_to_use_it(role, tmp_path):
    done = run(script("twistd"), "smpp", *role, "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: twistd smpp {role[0] if role else 'smsc|esme'}")
    if role:
        assert f"\n  twistd -n smpp {role[0]} " in done.stdout


def test_help_auth_lists_the_checkers(tmp_path):
    done = run(script("twistd"), "smpp", "smsc", "--help-auth", cwd=tmp_path)

    assert "memory" in done.stdout
    assert "file" in done.stdout


def test_probe_finds_that_our_message_centre_does_well(smsc, password_file):
    command = [script("smpp"), "probe", f"127.0.0.1:{smsc.port}", "-u", "smppclient1"]
    done = run(*command, "-p", password_file, "--pause", "0.05", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["system_id"] == "twisted_smpp"
    assert report["violations"] == []
    found = {each["check"]: each["verdict"] for each in report["checks"]}
    tried = {name: verdict for name, verdict in found.items() if verdict != "not tried"}
    assert len(tried) == 15
    assert {name for name in tried if tried[name] != "supported"} == {"congestion_state"}
