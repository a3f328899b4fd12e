"""SIGTERM for an ESME daemon that has a thousand requests in flight."""

import signal

import pytest
from chaos_kit import wait_until
from test_esme_kills import Esme, Program, deliveries, is_empty, status

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

IN_FLIGHT = 1000


@pytest.fixture
def stuck(smsc, tmp_path):
    """An ESME that waits for a thousand responses of a message centre that is stopped."""
    (tmp_path / "esme").mkdir()
    centre = smsc("--default-route", "at-once", "--max-unanswered", str(IN_FLIGHT)).up()
    options = ("--window", str(IN_FLIGHT), "--response-timeout", "60")
    esme = Esme(tmp_path / "esme", centre, *options).up()
    with Program(esme, burst=IN_FLIGHT) as program:
        wait_until(lambda: program.stored, what="the first messages")
        centre.signal(signal.SIGSTOP)
        try:
            wait_until(lambda: links(esme)["in_flight"] == IN_FLIGHT, what="a full window")
            yield centre, esme, program
        finally:
            centre.signal(signal.SIGCONT)
            esme.kill()


def links(esme):
    (figures,) = status(esme)["links"].values()
    return figures


def test_o03_what_is_in_flight_is_awaited_and_nothing_is_sent_twice(stuck):
    centre, esme, program = stuck
    esme.process.terminate()
    wait_until(lambda: status(esme) is None, what="the end of the control socket")
    assert esme.process.poll() is None
    centre.signal(signal.SIGCONT)
    assert esme.process.wait(20) == 0
    esme.up()
    program.ends()
    wait_until(lambda: is_empty(esme), 60, "the end of all messages")
    assert esme.stop() == 0
    assert centre.stop() == 0

    there = deliveries(centre)
    assert len(program.stored) >= IN_FLIGHT
    assert {there[f"49{key}"] for key in program.stored} == {1}
    for log in (esme.log, centre.log):
        assert "Traceback" not in log.read_text()


def test_o03_a_second_term_ends_it_at_once_and_nothing_is_lost(stuck):
    centre, esme, program = stuck
    esme.process.terminate()
    wait_until(lambda: "received SIGTERM" in esme.log.read_text(), what="the first")
    assert esme.process.poll() is None
    esme.process.terminate()
    assert esme.process.wait(5) == -signal.SIGTERM
    centre.signal(signal.SIGCONT)
    esme.up()
    program.ends()
    wait_until(lambda: is_empty(esme), 60, "the end of all messages")
    assert esme.stop() == 0
    assert centre.stop() == 0

    there = deliveries(centre)
    assert [key for key in program.stored if not there[f"49{key}"]] == []
    # Of those in flight nobody knew whether they had arrived.
    assert sum(there.values()) - len(there) <= IN_FLIGHT
