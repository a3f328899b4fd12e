"""The run of a probe: stopping, failing checks, wrong arguments, the report."""

import pytest
from probe_kit import (
    CLOSE,
    World,
    answer,
    verdicts,
)
from twisted.internet.defer import Deferred

from twisted_smpp import (
    BindReceiver,
    CommandStatus,
    DeliverSM,
    InterfaceVersion,
    Unbind,
    UnbindResp,
    UnknownPDU,
)
from twisted_smpp.probe import Check, Verdict
from twisted_smpp.probe.checks import CHECKS
from twisted_smpp.probe.findings import supported

SUPPORTED, NOT_SUPPORTED, VIOLATION, NOT_TRIED, INCONCLUSIVE = Verdict
V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0


# The run itself.


def test_what_is_delivered_meanwhile_is_left_to_others():
    def delivers(centre, pdu):
        return [centre.bind(pdu), DeliverSM(sequence_number=7, short_message=b"for another")]

    world = World({BindReceiver: delivers}, binds=["receiver"], versions=[V3_4])
    report = world.run()
    answers = [pdu for pdu in world.seen if pdu.command == "deliver_sm_resp"]
    assert {pdu.command_status for pdu in answers} == {CommandStatus.ESME_RX_T_APPN}
    assert report.refused_deliveries == len(answers) > 0


def test_every_session_ends_by_unbind():
    world = World()
    world.run()
    unbinds = [pdu for pdu in world.seen if isinstance(pdu, Unbind)]
    assert len(unbinds) == len(world.network.attempts)


def test_what_comes_between_the_checks_is_noticed_too():
    def strays(centre, pdu):
        return [UnbindResp(sequence_number=4711), answer(pdu), CLOSE]

    report = World({Unbind: strays}).run()
    assert all(finding.verdict is not VIOLATION for finding in report.findings)
    assert ("bind_transmitter_3.4", 4711) in [
        (check, event.sequence_number) for check, event in report.violations
    ]
    assert not report.passed


def test_a_stop_waits_for_nobody():
    world = World({Unbind: lambda centre, pdu: None, UnknownPDU: lambda centre, pdu: None})
    probe = world.probe()
    done = probe.run()
    world.network.flush()
    world.clock.advance(0.01)
    probe.stop()
    began = world.clock.seconds()
    world.finished(done)
    assert world.clock.seconds() - began < 1.0


def broken(error):
    async def check(probe):
        raise error

    return Check("broken", "broken", check)


async def fine(probe):
    return supported("It is.")


def test_a_check_that_fails_does_not_end_the_others(logged_errors):
    report = World(checks=[broken(KeyError("secret")), Check("fine", "fine", fine)]).run()
    assert verdicts(report) == {"broken": INCONCLUSIVE, "fine": SUPPORTED}
    assert "KeyError" in report["broken"].said
    assert "secret" not in report["broken"].said
    assert len(logged_errors.flush(KeyError)) == 1


def test_a_check_that_hangs_is_ended():
    async def hangs(probe):
        await Deferred()

    world = World(checks=[Check("hangs", "hangs", hangs), Check("fine", "fine", fine)])
    report = world.run()
    assert verdicts(report) == {"hangs": INCONCLUSIVE, "fine": SUPPORTED}
    assert world.clock.seconds() < 60


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.9, 2.0, 6.5, 9.0, 10.0])
def test_it_can_be_stopped_at_any_time(seconds):
    world = World({UnknownPDU: lambda centre, pdu: None}, versions=[V3_4], to="4917")
    probe = world.probe()
    done = probe.run()
    while world.clock.seconds() < seconds:
        world.clock.advance(0.05)
        world.network.flush()
    assert not done.called
    probe.stop()
    began = world.clock.seconds()
    report = world.finished(done)
    assert world.clock.seconds() - began < 1.0
    assert report.interrupted
    assert [finding.name for finding in report.findings] == [check.name for check in CHECKS]
    assert report.findings[-1].said == "The probe was interrupted before."


def test_progress_tells_each_check_that_is_made():
    told = []
    report = World(on_progress=told.append).run()
    tried = [each.name for each in report.findings if each.verdict is not NOT_TRIED]
    assert [check.name for check in told if check.name in tried] == tried


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"to": "4" * 21}, "destination_addr"),
        ({"source": "A long name of a sender"}, "source_addr"),
        ({"timeout": 0}, "timeout"),
        ({"system_type": "x" * 13}, "system_type"),
        ({"window": 0}, "window"),
    ],
)
def test_wrong_arguments_are_said_at_once(settings, what):
    with pytest.raises(ValueError, match=what):
        World(**settings).probe()


def test_the_report_is_ready_for_json():
    import json

    data = json.loads(json.dumps(World(to="4917").run().as_dict()))
    assert data["passed"] is True
    assert data["checks"][0]["check"] == "bind_transceiver_3.4"
    assert data["checks"][0]["verdict"] == "supported"
    assert data["checks"][0]["status_name"] == "ESME_ROK"
