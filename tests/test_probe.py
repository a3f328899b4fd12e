"""The probe, against message centres in memory that do well and that do not."""

import itertools
from collections import Counter

import pytest
from probe_kit import (
    BINDS,
    CLOSE,
    World,
    answer,
    found,
    nack,
    verdicts,
)

from twisted_smpp import (
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransmitter,
    BindTransmitterResp,
    CommandStatus,
    EnquireLink,
    InterfaceVersion,
    QuerySM,
    SubmitSM,
    SubmitSMResp,
    Unbind,
    UnbindResp,
    UnknownPDU,
)
from twisted_smpp.probe import Verdict
from twisted_smpp.probe.checks import CHECKS
from twisted_smpp.wire.tlvs import congestion_state, sc_interface_version

SUPPORTED, NOT_SUPPORTED, VIOLATION, NOT_TRIED, INCONCLUSIVE = Verdict
V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0
LINK_CHECKS = ["enquire_link", "second_bind", "unknown_command", "query_on_receiver", "window"]


# Message centres that do well.


@pytest.mark.parametrize("own", [True, False])
def test_a_good_message_centre_passes(own):
    report = World(own=own).run()
    assert report.passed
    assert report.violations == []
    assert report.system_id == ("twisted_smpp" if own else "centre")
    wanted = dict.fromkeys(LINK_CHECKS, SUPPORTED)
    wanted |= {each.name: SUPPORTED for each in CHECKS if each.name.startswith("bind_")}
    wanted |= {"unbind": SUPPORTED, "congestion_state": NOT_SUPPORTED}
    got = verdicts(report)
    assert {name: got[name] for name in wanted} == wanted
    assert all(got[name] is NOT_TRIED for name in got if name not in wanted)


def test_each_check_has_its_finding_and_its_own_name():
    report = World().run()
    names = [finding.name for finding in report.findings]
    assert names == [check.name for check in CHECKS]
    assert max(Counter(names).values()) == 1
    with pytest.raises(KeyError):
        report["nothing"]


def test_without_an_address_no_message_is_sent():
    world = World(wrong_password=True)
    assert world.probe().messages == 0
    world.run()
    assert not [
        pdu for pdu in world.seen if pdu.command in ("submit_sm", "submit_multi", "data_sm")
    ]


def test_binds_are_apart_by_the_pause():
    world = World(pause=3.0)
    world.run()
    attempts = world.network.attempts
    assert len(attempts) > 8
    assert all(later - before >= 3.0 for before, later in itertools.pairwise(attempts))


def test_only_what_was_asked_for_is_tried():
    world = World(binds=["transmitter"], versions=[V3_4])
    got = verdicts(world.run())
    binds = [pdu for pdu in world.seen if pdu.__class__ in BINDS]
    assert {pdu.__class__ for pdu in binds} == {BindTransmitter}
    assert {pdu.interface_version for pdu in binds} == {V3_4}
    assert got["bind_transmitter_3.4"] is SUPPORTED
    assert got["bind_transceiver_3.4"] is got["bind_transmitter_5.0"] is NOT_TRIED
    assert got["query_on_receiver"] is NOT_TRIED
    assert got["unbind"] is SUPPORTED


def test_facts_of_a_bind():
    finding = found("bind_transceiver_3.4")
    assert finding.status == 0
    assert finding.facts["system_id"] == "centre"
    assert finding.facts["sc_interface_version"] == 0x34
    assert finding.facts["tlvs"] == ["0x0210"]
    assert finding.said == "It says that it speaks 3.4."


# Binds.


def test_tlvs_to_a_bind_of_3_3_are_a_violation():
    def tlvs_to_all(centre, pdu):
        centre.state = BINDS[pdu.__class__]
        return answer(pdu, system_id="centre", tlvs={sc_interface_version: 0x34})

    report = World({BindReceiver: tlvs_to_all}).run()
    assert report["bind_receiver_3.3"].verdict is VIOLATION
    assert report["bind_receiver_3.4"].verdict is SUPPORTED
    assert report["bind_transmitter_3.3"].verdict is SUPPORTED
    assert not report.passed


def test_a_bind_without_version_promises_no_tlvs():
    def says_none(centre, pdu):
        centre.state = BINDS[pdu.__class__]
        return answer(pdu, system_id="centre")

    finding = found("bind_transceiver_5.0", {BindTransceiver: says_none}, versions=[V5_0])
    assert finding.verdict is SUPPORTED
    assert "names no version" in finding.said
    assert finding.facts["sc_interface_version"] is None


@pytest.mark.parametrize(
    "refusal",
    [
        lambda centre, pdu: answer(pdu, CommandStatus.ESME_RBINDFAIL),
        lambda centre, pdu: nack(pdu, CommandStatus.ESME_RINVCMDID),
        lambda centre, pdu: nack(pdu, 0),
    ],
)
def test_a_mode_that_is_refused_is_not_supported_and_the_rest_goes_on(refusal):
    report = World({BindTransceiver: refusal}).run()
    got = verdicts(report)
    assert got["bind_transceiver_3.4"] is got["bind_transceiver_5.0"] is NOT_SUPPORTED
    assert got["bind_transmitter_3.4"] is SUPPORTED
    assert [got[name] for name in LINK_CHECKS] == [SUPPORTED] * 5
    assert not report.passed


def test_the_response_of_another_bind_is_a_violation():
    def mixed_up(centre, pdu):
        centre.state = BINDS[pdu.__class__]
        return BindTransmitterResp(sequence_number=pdu.sequence_number, system_id="mixed")

    finding = found("bind_receiver_3.4", {BindReceiver: mixed_up})
    assert finding.verdict is VIOLATION
    assert finding.said == "It answered bind_receiver with bind_transmitter_resp."


def test_a_bind_response_with_another_number_is_a_violation():
    def other_number(centre, pdu):
        return BindReceiverResp(sequence_number=4711, system_id="centre")

    report = World({BindReceiver: other_number}).run()
    assert report["bind_receiver_3.4"].verdict is VIOLATION
    assert report["bind_receiver_3.4"].said == "It answered with sequence_number 4711 instead of 1."
    assert ("bind_receiver_3.4", "response to no request") in [
        (check, event.reason) for check, event in report.violations
    ]


def test_silence_to_a_bind_is_a_violation_and_costs_its_time_only():
    world = World({BindReceiver: lambda centre, pdu: None})
    got = verdicts(world.run())
    assert got["bind_receiver_3.4"] is VIOLATION
    assert got["unbind"] is SUPPORTED
    assert world.clock.seconds() < 60


def test_a_close_instead_of_an_answer_to_a_bind_says_nothing_of_it():
    report = World({BindReceiver: lambda centre, pdu: CLOSE}).run()
    assert report["bind_receiver_3.4"].verdict is INCONCLUSIVE
    assert not report.passed


@pytest.mark.parametrize("status", ["ESME_RINVPASWD", "ESME_RINVSYSID"])
def test_an_account_that_is_refused_is_tried_once(status):
    def refuses(centre, pdu):
        return answer(pdu, CommandStatus[status])

    world = World(dict.fromkeys(BINDS, refuses), wrong_password=True)
    report = world.run()
    assert len(world.network.attempts) == 1
    assert not report.passed
    assert report.reached
    assert verdicts(report)["bind_transmitter_3.4"] is NOT_TRIED
    assert status in report["bind_transmitter_3.4"].said


def test_nobody_listens():
    world = World()
    world.network.limit = 0
    report = world.run()
    assert not report.reached
    assert report.unreachable.startswith("cannot connect: Connection was refused")
    assert set(verdicts(report).values()) == {INCONCLUSIVE, NOT_TRIED}


def test_nobody_answers_the_connection():
    world = World()
    world.network.silent = True
    report = world.run()
    assert report.unreachable == "cannot connect: no connection within 5 s"
    assert world.clock.seconds() == pytest.approx(5.0, abs=0.2)


def test_something_that_never_speaks_is_given_up():
    world = World(dict.fromkeys(BINDS, lambda centre, pdu: CLOSE))
    report = world.run()
    assert len(world.network.attempts) == 3
    assert not report.reached
    assert "closed the connection" in report.unreachable


def test_a_ban_ends_it_in_time():
    world = World()
    world.network.limit = 5
    report = world.run()
    got = verdicts(report)
    assert got["bind_transceiver_3.4"] is SUPPORTED
    assert got["bind_receiver_5.0"] is INCONCLUSIVE
    assert got["unbind"] is NOT_TRIED
    assert "cannot connect" in report.unreachable
    assert report.reached


def test_a_session_that_is_refused_later_is_told():
    binds = []

    def first_eight(centre, pdu):
        binds.append(pdu)
        if len(binds) > 2:
            return answer(pdu, CommandStatus.ESME_RBINDFAIL)
        return centre.bind(pdu)

    report = World(dict.fromkeys(BINDS, first_eight), versions=[V3_4]).run()
    assert report["enquire_link"].verdict is INCONCLUSIVE
    assert "not accepted any more: ESME_RBINDFAIL" in report["enquire_link"].said


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (lambda centre, pdu: answer(pdu, CommandStatus.ESME_RINVPASWD), SUPPORTED),
        (lambda centre, pdu: centre.bind(pdu), NOT_SUPPORTED),
        (lambda centre, pdu: CLOSE, INCONCLUSIVE),
        (lambda centre, pdu: None, VIOLATION),
    ],
)
def test_a_wrong_password_is_tried_last_when_asked_for(reply, verdict):
    passwords = []

    def by_password(centre, pdu):
        passwords.append(pdu.password)
        return centre.bind(pdu) if pdu.password == "pw" else reply(centre, pdu)

    script = dict.fromkeys(BINDS, by_password)
    assert found("wrong_password", script, wrong_password=True).verdict is verdict
    assert passwords[:-1] == ["pw"] * (len(passwords) - 1)
    assert passwords[-1] != "pw"


def test_a_wrong_password_is_not_tried_unasked():
    world = World()
    assert world.run()["wrong_password"].verdict is NOT_TRIED
    assert {pdu.password for pdu in world.seen if pdu.__class__ in BINDS} == {"pw"}


# On a session.


def second(reply):
    return lambda centre, pdu: centre.bind(pdu) if centre.state is None else reply(centre, pdu)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (lambda centre, pdu: answer(pdu), "ESME_ROK instead of ESME_RALYBND"),
        (
            lambda centre, pdu: answer(pdu, CommandStatus.ESME_RINVBNDSTS),
            "ESME_RINVBNDSTS instead",
        ),
        (
            lambda centre, pdu: nack(pdu, CommandStatus.ESME_RALYBND),
            "with generic_nack and ESME_RALYBND",
        ),
        (lambda centre, pdu: None, "did not answer within 5 s"),
        (lambda centre, pdu: CLOSE, "closed the connection instead of answering"),
        (
            lambda centre, pdu: [answer(pdu, CommandStatus.ESME_RALYBND), CLOSE],
            "ended the session afterwards",
        ),
    ],
)
def test_a_second_bind_that_is_not_refused_well(reply, said):
    report = World({BindTransceiver: second(reply)}, versions=[V3_4]).run()
    assert report["second_bind"].verdict is VIOLATION
    assert said in report["second_bind"].said
    assert report["unknown_command"].verdict is SUPPORTED


def test_answers_that_only_the_probe_waits_for_are_no_violations():
    report = World(to="4917", versions=[V3_4]).run()
    assert report.violations == []


def test_enquire_link_is_measured():
    world = World()

    def slowly(centre, pdu):
        world.clock.callLater(0.5, centre.say, answer(pdu))

    world = World({EnquireLink: slowly})
    finding = world.run()["enquire_link"]
    assert finding.verdict is SUPPORTED
    assert finding.facts["seconds"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (lambda centre, pdu: None, "It did not answer within 5 s."),
        (lambda centre, pdu: CLOSE, "It closed the connection instead of answering."),
        (
            lambda centre, pdu: nack(pdu, CommandStatus.ESME_RINVCMDID),
            "refused with ESME_RINVCMDID",
        ),
        (lambda centre, pdu: nack(pdu), "refused with ESME_ROK"),
        (lambda centre, pdu: answer(pdu, CommandStatus.ESME_RSYSERR), "refused with ESME_RSYSERR"),
        (
            lambda centre, pdu: bytes.fromhex("00000013800000150000000000000002ffffff"),
            "has a body of 3 octets",
        ),
    ],
)
def test_enquire_link_that_is_not_answered_well(reply, said):
    report = World({EnquireLink: reply}, versions=[V3_4], binds=["transceiver"]).run()
    assert report["enquire_link"].verdict is VIOLATION
    assert said in report["enquire_link"].said


def test_a_wrong_sequence_number_is_a_violation_of_its_own():
    def other_number(centre, pdu):
        pdu.sequence_number += 1000
        return answer(pdu)

    report = World({EnquireLink: other_number}).run()
    assert report["enquire_link"].verdict is VIOLATION
    assert "instead of" in report["enquire_link"].said
    assert "enquire_link" in {check for check, _ in report.violations}
    # What does not depend on it is still found out.
    assert report["second_bind"].verdict is SUPPORTED
    assert report["unknown_command"].verdict is SUPPORTED


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (lambda centre, pdu: None, "did not answer within 5 s"),
        (lambda centre, pdu: CLOSE, "closed the connection instead of answering"),
        (lambda centre, pdu: nack(pdu, CommandStatus.ESME_RSYSERR), "ESME_RSYSERR instead of"),
        (
            lambda centre, pdu: UnknownPDU(
                pdu.command_id | 0x80000000,
                command_status=CommandStatus.ESME_RINVCMDID,
                sequence_number=pdu.sequence_number,
            ),
            "a response of that command and ESME_RINVCMDID",
        ),
        (
            lambda centre, pdu: [nack(pdu, CommandStatus.ESME_RINVCMDID), CLOSE],
            "ended the session afterwards",
        ),
        (lambda centre, pdu: SubmitSMResp(sequence_number=pdu.sequence_number), "0x00007f01 with"),
    ],
)
def test_an_unknown_command_that_is_not_refused_well(reply, said):
    report = World({UnknownPDU: reply}).run()
    assert report["unknown_command"].verdict is VIOLATION
    assert said in report["unknown_command"].said
    assert report["query_on_receiver"].verdict is SUPPORTED


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (lambda pdu: answer(pdu, CommandStatus.ESME_RQUERYFAIL), VIOLATION),
        (lambda pdu: nack(pdu, CommandStatus.ESME_RINVCMDID), INCONCLUSIVE),
        (lambda pdu: nack(pdu, CommandStatus.ESME_RINVBNDSTS), VIOLATION),
        (lambda pdu: [answer(pdu, CommandStatus.ESME_RINVBNDSTS), CLOSE], VIOLATION),
        (lambda pdu: None, VIOLATION),
    ],
)
def test_a_query_on_a_receiver(reply, verdict):
    def only_there(centre, pdu):
        return reply(pdu) if centre.state.name == "BOUND_RX" else centre.proper(pdu)

    assert found("query_on_receiver", {QuerySM: only_there}).verdict is verdict


def test_a_message_centre_that_nacks_everything():
    def nacks(centre, pdu):
        return nack(pdu, CommandStatus.ESME_RSYSERR)

    script = dict.fromkeys([QuerySM, EnquireLink, Unbind, SubmitSM, UnknownPDU], nacks)
    got = verdicts(World(script, to="4917").run())
    assert got["bind_transceiver_3.4"] is SUPPORTED
    assert got["enquire_link"] is got["unbind"] is got["unknown_command"] is VIOLATION
    assert got["submit_sm"] is NOT_SUPPORTED
    assert got["receipt"] is NOT_TRIED


# The window.


def test_requests_may_be_answered_in_any_order():
    held = []

    def in_reverse(centre, pdu):
        if centre.state.name == "BOUND_RX":
            return centre.proper(pdu)
        held.append(centre.proper(pdu))
        if len(held) < 4:
            return None
        return held[::-1]

    finding = found("window", {QuerySM: in_reverse}, window=4)
    assert finding.verdict is SUPPORTED
    assert finding.facts["in_order"] is False
    assert finding.facts["answered"] == 4
    assert "in another order" in finding.said


def test_the_window_is_as_large_as_it_was_asked_for():
    world = World(window=25)
    finding = world.run()["window"]
    assert finding.facts["outstanding"] == finding.facts["answered"] == 25
    assert finding.facts["in_order"] is True


def test_a_window_that_is_too_large_is_not_supported():
    count = []

    def two_at_once(centre, pdu):
        count.append(pdu)
        if centre.state.name == "BOUND_RX":
            return centre.proper(pdu)
        return answer(pdu, CommandStatus.ESME_RTHROTTLED) if len(count) > 3 else centre.proper(pdu)

    finding = found("window", {QuerySM: two_at_once}, window=5)
    assert finding.verdict is NOT_SUPPORTED
    assert finding.status == CommandStatus.ESME_RTHROTTLED
    assert finding.facts["refused_as_too_many"] == 3


def test_requests_that_are_forgotten_are_a_violation():
    def some(centre, pdu):
        return None if pdu.sequence_number % 2 else centre.proper(pdu)

    finding = found("window", {QuerySM: some}, window=6, binds=["transceiver"])
    assert finding.verdict is VIOLATION
    assert finding.facts["answered"] == 3


def test_the_window_is_that_of_the_newest_version():
    versions = []

    def binds(centre, pdu):
        centre.version = pdu.interface_version
        return centre.bind(pdu)

    def query(centre, pdu):
        versions.append(centre.version)
        return centre.proper(pdu)

    World({**dict.fromkeys(BINDS, binds), QuerySM: query}, binds=["transmitter"]).run()
    assert versions == [V5_0] * 10


def test_congestion_state_is_seen_in_any_response():
    states = [20, 80, 40]

    def busy(centre, pdu):
        tlvs = {congestion_state: states.pop()} if states else {}
        return answer(pdu, 0, message_id="1", message_state=1, tlvs=tlvs)

    finding = found("congestion_state", {QuerySM: busy})
    assert finding.verdict is SUPPORTED
    assert finding.facts["highest"] == 80
    assert found("congestion_state", versions=[V3_4]).verdict is INCONCLUSIVE


# The end.


@pytest.mark.parametrize(
    ("reply", "verdict", "closes"),
    [
        (lambda centre, pdu: [answer(pdu), CLOSE], SUPPORTED, True),
        (lambda centre, pdu: answer(pdu), SUPPORTED, False),
        (lambda centre, pdu: CLOSE, VIOLATION, None),
        (lambda centre, pdu: None, VIOLATION, None),
        (lambda centre, pdu: answer(pdu, CommandStatus.ESME_RSYSERR), VIOLATION, False),
        (lambda centre, pdu: UnbindResp(sequence_number=99), VIOLATION, None),
    ],
)
def test_unbind(reply, verdict, closes):
    finding = found("unbind", {Unbind: reply}, versions=[V3_4])
    assert finding.verdict is verdict
    assert finding.facts.get("closes") is closes
