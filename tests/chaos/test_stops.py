"""Orderly stops, stops that are none, and stores that cannot be opened."""

import signal
import socket
import sqlite3
import time

import pytest
from chaos_kit import (
    ROUTES,
    Gone,
    Peer,
    SinkESME,
    Source,
    free_port,
    ledgers_agree,
    message,
    run,
    wait_until,
)

from twisted_smpp.wire.pdus import BindReceiver

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def test_o03_term_under_load_exits_with_0_and_loses_nothing(smsc, ledger):
    daemon = smsc().up()
    source = Source(daemon, ledger("accepted"), burst=80)
    sink = SinkESME(daemon, ledger("delivered"))
    with sink, source:
        wait_until(lambda: len(sink.got) > 500)
        assert daemon.stop() == 0
        daemon.up()
        wait_until(lambda: len(sink.got) > 700)
    accepted = {line.split()[0] for line in source.ledger.lines()}
    with SinkESME(daemon, sink.ledger) as late:
        wait_until(lambda: accepted <= sink.got.keys() | late.got.keys())
    ledgers_agree(source, sink, duplicates=10)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()
    assert "Unhandled" not in daemon.log.read_text()


def test_o03_deliveries_in_flight_are_awaited_and_bounded_by_drain(smsc):
    daemon = smsc(*ROUTES, "--drain", "1").up()
    with Peer(daemon.port) as source:
        source.ask([message("Hi")])
    with Peer(daemon.port, "sink", BindReceiver) as sink:
        (delivery,) = sink.read()  # and no answer
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        with pytest.raises(Gone):
            sink.read()
        assert daemon.wait() == 0
    assert 0.8 < time.monotonic() - begin < 8
    daemon.up()
    with Peer(daemon.port, "sink", BindReceiver) as sink:
        assert sink.read()[0].short_message == delivery.short_message


def test_o03_second_term_ends_it_at_once(smsc):
    daemon = smsc(*ROUTES, "--drain", "30").up()
    with Peer(daemon.port) as source, Peer(daemon.port, "sink", BindReceiver) as sink:
        source.ask([message("Hi")])
        sink.read()
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: "received SIGTERM" in daemon.log.read_text())
        assert daemon.process.poll() is None
        begin = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == -signal.SIGTERM
    assert time.monotonic() - begin < 2


def test_clean_stop_is_noted_in_the_store(smsc):
    daemon = smsc().up()
    with Peer(daemon.port) as source:
        source.ask([message("Hi")])
    assert daemon.stop() == 0
    with sqlite3.connect(daemon.store) as store:
        assert store.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone() == (1,)
    store.close()


def test_d07_second_daemon_on_a_store_exits_with_75_at_once(smsc, tmp_path):
    daemon = smsc().up()

    done, seconds = run(tmp_path, free_port(), daemon.store)

    assert done.returncode == 75
    assert done.stderr == (
        f"twistd smpp smsc: store {daemon.store}: in use by process {daemon.process.pid}\n"
    )
    assert "Traceback" not in done.stdout
    start = run(tmp_path, free_port(), daemon.store, "--no-such-option")[1]
    assert seconds - start < 3  # on a busy machine; it waits for nothing
    assert daemon.stop() == 0


@pytest.mark.parametrize("kind", ["garbage", "truncated", "another program's"])
def test_d09_damaged_store_is_one_line_and_exit_78(kind, smsc, tmp_path):
    daemon = smsc().up()
    with Peer(daemon.port) as source:
        source.ask([message("Hi")])
    daemon.stop()
    if kind == "garbage":
        daemon.store.write_bytes(b"not a database " * 1000)
    elif kind == "truncated":
        daemon.store.write_bytes(daemon.store.read_bytes()[:5000])
    else:
        daemon.store.unlink()
        with sqlite3.connect(daemon.store) as store:
            store.execute("CREATE TABLE t (a)")
        store.close()
    before = daemon.store.read_bytes()

    done, _ = run(tmp_path, free_port(), daemon.store)

    assert done.returncode == 78
    assert done.stderr.startswith(f"twistd smpp smsc: store {daemon.store}: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stdout
    assert daemon.store.read_bytes() == before


def test_store_that_cannot_be_made_is_one_line_and_exit_74(tmp_path):
    (tmp_path / "file").write_text("")

    done, _ = run(tmp_path, free_port(), tmp_path / "file" / "smsc.db")

    assert done.returncode == 74
    assert done.stderr == (f"twistd smpp smsc: store {tmp_path}/file/smsc.db: File exists\n")


def test_port_that_is_taken_is_one_line_and_exit_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done, _ = run(tmp_path, taken.getsockname()[1], tmp_path / "smsc.db")

    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_o07_stopped_and_continued_under_load(smsc, ledger):
    daemon = smsc().up()
    source = Source(daemon, ledger("accepted"))
    sink = SinkESME(daemon, ledger("delivered"))
    with sink:
        with source:
            wait_until(lambda: len(sink.got) > 200)
            daemon.signal(signal.SIGSTOP)
            time.sleep(5)
            daemon.signal(signal.SIGCONT)
            count = len(sink.got)
            wait_until(lambda: len(sink.got) > count + 200)
        accepted = {line.split()[0] for line in source.ledger.lines()}
        wait_until(lambda: accepted <= sink.got.keys())
    ledgers_agree(source, sink, duplicates=10)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()
