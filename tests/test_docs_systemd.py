"""The systemd units of the docs (O05): what they say is what the daemon understands."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from accounts_kit import account

from twisted_smpp.daemon.logs import CLOSE_SECONDS
from twisted_smpp.daemon.service import GRACE
from twisted_smpp.daemon.tap import Options
from twisted_smpp.errors import StoreDamaged, StoreFailed, StoreInUse

ROOT = Path(__file__).parent.parent
UNITS = sorted((ROOT / "docs" / "examples").glob("*.service"))

pytestmark = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit.read_text("utf-8"))
    return parser


def command(unit: Path, folder: Path) -> list[str]:
    """What systemd runs, with files that are there."""
    (folder / "password").write_text("secret\n")
    (folder / "accounts.toml").write_text(account())
    line = read(unit)["Service"]["ExecStart"]
    line = line.replace("%d", str(folder)).replace("%t", str(folder))
    return shlex.split(line.replace("/etc/smpp", str(folder)))


def role(unit: Path, folder: Path) -> Any:
    options = Options()
    arguments = command(unit, folder)
    options.parseOptions(arguments[arguments.index("smpp") + 1 :])
    return options


def test_o05_twistd_understands_the_command(unit: Path, tmp_path: Path) -> None:
    from twisted.scripts.twistd import ServerOptions

    program, *arguments = command(unit, tmp_path)
    assert program == "/opt/smpp/bin/twistd"
    twistd: Any = ServerOptions()
    twistd.parseOptions(arguments)
    assert twistd.subCommand == "smpp"
    assert twistd["nodaemon"]
    assert twistd["pidfile"] == ""


def test_o05_the_options_are_ours_and_no_secret_is_among_them(unit: Path, tmp_path: Path) -> None:
    options = role(unit, tmp_path)
    assert unit.stem == f"smpp-{options.subCommand}"
    assert Path(options.subOptions["control"]).is_relative_to(tmp_path)
    assert "secret" not in " ".join(command(unit, tmp_path))
    if options.subCommand == "esme":
        assert read(unit)["Service"]["LoadCredential"].startswith("password:/")
        assert options.subOptions["password"]() == "secret"


def test_o05_it_has_the_time_to_stop_that_it_takes(unit: Path, tmp_path: Path) -> None:
    drain = role(unit, tmp_path).subOptions.get("drain", 30.0)
    assert float(read(unit)["Service"]["TimeoutStopSec"]) >= drain + GRACE + CLOSE_SECONDS


def test_o05_starts_end_when_they_do_not_help(unit: Path, tmp_path: Path) -> None:
    sections = read(unit)
    service, failed_starts = sections["Service"], role(unit, tmp_path).subOptions["failed-starts"]
    # The poison has to be found before systemd gives up.
    assert int(sections["Unit"]["StartLimitBurst"]) > failed_starts + 2
    assert service["Restart"] == "on-failure"
    stays_down = {int(each) for each in service["RestartPreventExitStatus"].split()}
    assert stays_down == {1, StoreDamaged.exit_code}
    assert not stays_down & {StoreFailed.exit_code, StoreInUse.exit_code}


def test_o05_it_may_do_what_it_has_to_and_little_else(unit: Path, tmp_path: Path) -> None:
    service = read(unit)["Service"]
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectory"]
    folder = f"%t/{service['RuntimeDirectory']}/"
    assert folder in service["ExecStart"]
    assert {"AF_INET", "AF_INET6", "AF_UNIX"} == set(service["RestrictAddressFamilies"].split())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_o05_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    twistd = Path(sys.executable).with_name("twistd")
    copy = tmp_path / unit.name
    text = unit.read_text("utf-8").replace("/opt/smpp/bin/twistd", str(twistd))
    copy.write_text(text.replace("Documentation=man:twistd(1)\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert complaints == []
