"""A message centre in a process of its own, as ``twistd smpp smsc`` runs it."""

import pytest
from interop_daemon import Daemon, free_port


@pytest.fixture
def daemon(tmp_path):
    """Starts a daemon; checks at the end that it stops in good order."""
    daemons = []

    def start(*arguments, port=None):
        folder = tmp_path / f"daemon{len(daemons)}"
        folder.mkdir()
        daemons.append(Daemon(folder, arguments, port))
        return daemons[-1]

    yield start
    codes = [each.stop() for each in daemons]
    for each, code in zip(daemons, codes, strict=True):
        log = each.log.read_text()
        assert code == 0, log
        assert "Main loop terminated" in log, log
        assert "Traceback" not in log, log
        assert "Unhandled" not in log, log


@pytest.fixture
def smsc(daemon):
    """A message centre with the account smppclient1, password "password"."""
    port = free_port()
    return daemon(
        "smsc",
        "--listen",
        f"tcp:{port}:interface=127.0.0.1",
        "--auth",
        "memory:smppclient1:password",
        port=port,
    )
