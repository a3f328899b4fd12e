"""The checks of the probe that send messages."""

import pytest
from probe_kit import CLOSE, World, answer, found, nack, receipt, verdicts

from twisted_smpp import (
    BindReceiver,
    CommandStatus,
    DataSM,
    DeliverSM,
    InterfaceVersion,
    QuerySM,
    State,
    SubmitMulti,
    SubmitSM,
    UnsuccessSME,
)
from twisted_smpp.probe import Verdict
from twisted_smpp.probe.checks import CHECKS
from twisted_smpp.probe.inbox import Arrival
from twisted_smpp.probe.messages import UNKNOWN_TLV, _facts, form_of
from twisted_smpp.text import Receipt, join
from twisted_smpp.wire.tlvs import (
    message_payload,
    message_state,
    receipted_message_id,
    user_message_reference,
)

SUPPORTED, NOT_SUPPORTED, VIOLATION, NOT_TRIED, INCONCLUSIVE = Verdict
V3_4 = InterfaceVersion.V3_4
ALL = (SubmitSM, SubmitMulti, DataSM)


def sent(world):
    return [pdu for pdu in world.seen if pdu.__class__ in ALL]


def finding(name, script=None, **settings):
    return found(name, script, to="+491761234567", source="Shop", versions=[V3_4], **settings)


def test_it_says_how_many_messages_it_sends():
    world = World(to="4917", source="Shop")
    assert world.probe().messages == len(sent_by(world)) == 17


def sent_by(world):
    world.run()
    return sent(world)


def test_a_good_message_centre_supports_everything():
    report = World(own=True, to="491761234567", source="Shop").run()
    got = verdicts(report)
    names = [check.name for check in CHECKS if check.messages]
    assert {name: got[name] for name in names} == dict.fromkeys(names, SUPPORTED)
    assert got["receipt"] is SUPPORTED
    assert report.violations == []
    assert report.refused_deliveries == 0
    facts = report["receipt"].facts
    assert facts["id_form"] == "verbatim"
    assert (facts["message_state"], facts["stat"]) == ("DELIVERED", "DELIVRD")
    assert facts["command"] == "deliver_sm"


def test_every_message_goes_to_the_address_and_says_little():
    world = World(to="+491761234567", source="Shop")
    messages = sent_by(world)
    nobody = [pdu for pdu in messages if getattr(pdu, "destination_addr", "x") == ""]
    assert len(nobody) == 1
    for pdu in messages:
        assert (pdu.source_addr_ton, pdu.source_addr) == (5, "Shop")
        if pdu in nobody:
            continue
        to = pdu.dest_address[0] if isinstance(pdu, SubmitMulti) else pdu
        assert (to.dest_addr_ton, to.dest_addr_npi) == (1, 1)
        assert to.destination_addr == "491761234567"
    assert [pdu.registered_delivery for pdu in messages].count(1) == 1


def test_what_the_messages_are():
    world = World(to="4917", versions=[V3_4])
    messages = sent_by(world)
    assert [pdu for pdu in messages if UNKNOWN_TLV in pdu.tlvs]
    assert [pdu.tlvs.all(user_message_reference) for pdu in messages if len(pdu.tlvs) == 2] == [
        [1, 2]
    ]
    long = [pdu for pdu in messages if pdu.esm_class & 0x40]
    assert [pdu.short_message[:1] for pdu in long] == [b"\x05", b"\x05", b"\x06", b"\x06"]
    assert join(long[:2]).text == join(long[2:]).text
    assert sum("sar_msg_ref_num" in pdu.tlvs for pdu in messages) == 2
    payloads = [pdu for pdu in messages if message_payload in pdu.tlvs]
    assert [pdu.__class__ for pdu in payloads] == [SubmitSM, DataSM]
    assert {pdu.data_coding for pdu in messages} == {0, 3, 8}
    assert max(len(getattr(pdu, "short_message", b"")) for pdu in messages) == 255


def submits(*answers):
    """Answers each submit_sm in turn, and the rest as it should."""
    left = list(answers)

    def script(centre, pdu):
        own = left and centre.state is not State.BOUND_RX
        return left.pop(0)(pdu) if own else centre.proper(pdu)

    return {SubmitSM: script}


@pytest.mark.parametrize(
    ("message_id", "form"),
    [
        ("0123456789", "decimal"),
        ("7af", "hexadecimal"),
        ("7AF", "hexadecimal"),
        ("7aF", "of no known form"),
        ("550e8400-e29b-41d4-a716-446655440000", "a UUID"),
        ("msg_id_not_implemented", "of no known form"),
        ("٣", "of no known form"),
    ],
)
def test_the_form_of_a_message_id(message_id, form):
    assert form_of(message_id) == form


def test_a_receipt_in_one_read_with_the_response_came_after_it():
    said = Receipt.parse(b"id:1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:")
    arrival = Arrival(said, "1", "verbatim", 9.999, "deliver_sm", False)
    assert _facts(arrival, 10.0)["seconds"] == 0
    assert _facts(arrival, 8.0)["seconds"] == 1.999


def test_facts_of_a_message_id():
    good = finding("submit_sm", submits(lambda pdu: answer(pdu, message_id="0042")))
    assert good.verdict is SUPPORTED
    assert (good.facts["message_id"], good.facts["length"]) == ("0042", 4)
    assert good.facts["form"] == "decimal"


def test_a_message_without_id_is_a_violation():
    report = World(submits(lambda pdu: answer(pdu)), to="4917").run()
    assert report["submit_sm"].verdict is VIOLATION
    assert report["receipt"].verdict is report["query_sm"].verdict is NOT_TRIED


@pytest.mark.parametrize(
    ("reply", "verdict", "said"),
    [
        (lambda pdu: answer(pdu, CommandStatus.ESME_RINVSRCADR), NOT_SUPPORTED, "ESME_RINVSRCADR"),
        (lambda pdu: nack(pdu, CommandStatus.ESME_RINVCMDID), NOT_SUPPORTED, "ESME_RINVCMDID"),
        (lambda pdu: None, VIOLATION, "did not answer"),
        (lambda pdu: CLOSE, VIOLATION, "closed the connection"),
        (lambda pdu: nack(pdu), NOT_SUPPORTED, "ESME_ROK"),
    ],
)
def test_a_message_that_is_not_accepted(reply, verdict, said):
    bad = finding("submit_sm", submits(reply))
    assert bad.verdict is verdict
    assert said in bad.said


def test_a_response_that_cannot_be_read_is_a_violation():
    def too_long(pdu):
        octets = answer(pdu, message_id="").encode()[4:16] + b"1" * 80 + b"\0"
        return (len(octets) + 4).to_bytes(4, "big") + octets

    report = World(submits(too_long), to="4917").run()
    assert report["submit_sm"].verdict is VIOLATION
    assert "cannot be read: message_id" in report["submit_sm"].said
    assert "submit_sm" in {check for check, _ in report.violations}


def test_a_response_of_another_command_is_a_violation():
    other = QuerySM(message_id="1")

    def of_query(pdu):
        other.sequence_number = pdu.sequence_number
        return answer(other, message_id="1")

    bad = finding("submit_sm", submits(of_query))
    assert bad.verdict is VIOLATION
    assert bad.said == "It answered submit_sm with query_sm_resp."


def test_a_throttled_message_goes_again():
    busy = [lambda pdu: answer(pdu, CommandStatus.ESME_RTHROTTLED)] * 2
    assert finding("submit_sm", submits(*busy)).verdict is SUPPORTED


def test_a_message_that_stays_throttled_says_nothing():
    def throttled(centre, pdu):
        return answer(pdu, CommandStatus.ESME_RTHROTTLED)

    report = World(dict.fromkeys(ALL, throttled), to="4917", versions=[V3_4]).run()
    got = verdicts(report)
    for name in ("submit_sm", "unknown_tlv", "long_sar", "too_long", "no_destination", "data_sm"):
        assert got[name] is INCONCLUSIVE, name
    assert report.accepted == 0


def test_an_unknown_tlv_that_is_refused_is_a_violation_a_repeated_one_not():
    def no_tlvs(centre, pdu):
        return answer(pdu, CommandStatus.ESME_ROPTPARNOTALLWD) if pdu.tlvs else centre.proper(pdu)

    got = verdicts(World({SubmitSM: no_tlvs}, to="4917", versions=[V3_4]).run())
    assert got["unknown_tlv"] is VIOLATION
    assert got["repeated_tlv"] is got["long_sar"] is got["long_payload"] is NOT_SUPPORTED
    assert got["long_udh8"] is got["submit_sm"] is SUPPORTED


def test_the_same_id_for_two_messages_is_a_violation():
    def same(centre, pdu):
        return answer(pdu, message_id="msg_id_not_implemented")

    assert finding("long_udh8", {SubmitSM: same}).verdict is VIOLATION


@pytest.mark.parametrize("refused", [DataSM, SubmitMulti])
def test_a_command_that_is_not_known(refused):
    def unknown(centre, pdu):
        return nack(pdu, CommandStatus.ESME_RINVCMDID)

    got = verdicts(World({refused: unknown}, to="4917").run())
    assert got[refused.command] is NOT_SUPPORTED
    assert [name for name in ("data_sm", "submit_multi") if got[name] is SUPPORTED]


def test_an_address_that_submit_multi_refuses():
    def refuses(centre, pdu):
        failed = UnsuccessSME(1, 1, "4917", CommandStatus.ESME_RINVDSTADR)
        return answer(pdu, message_id="1", unsuccess_sme=[failed])

    bad = finding("submit_multi", {SubmitMulti: refuses})
    assert bad.verdict is NOT_SUPPORTED
    assert bad.status == CommandStatus.ESME_RINVDSTADR


@pytest.mark.parametrize("name", ["no_destination", "too_long"])
def test_what_should_be_refused(name):
    def accepts(centre, pdu):
        return answer(pdu, message_id=str(len(centre.seen)))

    def refuses(centre, pdu):
        good = pdu.destination_addr and len(pdu.short_message) < 255
        return centre.proper(pdu) if good else answer(pdu, CommandStatus.ESME_RSUBMITFAIL)

    assert finding(name, {SubmitSM: accepts}).verdict is VIOLATION
    vague = finding(name, {SubmitSM: refuses})
    assert vague.verdict is SUPPORTED
    assert "with ESME_RSUBMITFAIL, not ESME_RINV" in vague.said
    assert finding(name).said == "It refused."


def test_a_submission_on_a_receiver():
    def accepts(centre, pdu):
        return answer(pdu, message_id=str(len(centre.seen)))

    assert finding("submit_on_receiver").verdict is SUPPORTED
    bad = finding("submit_on_receiver", {SubmitSM: accepts})
    assert bad.said == "It answered ESME_ROK instead of ESME_RINVBNDSTS."


def test_query_sm():
    good = finding("query_sm")
    assert good.verdict is SUPPORTED
    assert good.facts["message_state"] == "ENROUTE"

    def about_another(centre, pdu):
        return answer(pdu, message_id="other", message_state=2)

    assert finding("query_sm", {QuerySM: about_another}).verdict is VIOLATION


def test_without_a_bind_for_sending_nothing_is_sent():
    world = World(to="4917", binds=["receiver"])
    got = verdicts(world.run())
    assert got["submit_sm"] is NOT_TRIED
    assert [pdu.command for pdu in sent(world)] == ["submit_sm"]  # that on the receiver


# Receipts.


def with_receipt(make, message_id="1a"):
    """Accepts messages; behind the response to the one that asks for it a receipt comes."""

    def script(centre, pdu):
        response = answer(pdu, message_id=message_id)
        if not pdu.registered_delivery:
            return centre.proper(pdu)
        return [response, *make(message_id)]

    return {SubmitSM: script}


@pytest.mark.parametrize(
    ("given", "in_receipt", "form"),
    [
        ("1a", "1a", "verbatim"),
        ("1a", "26", "hex to decimal"),
        ("1A", "1a", "case-insensitive"),
        ("26", "1a", "decimal to hex"),
        ("001z", "1z", "leading zeros"),
    ],
)
def test_how_the_receipt_names_the_id(given, in_receipt, form):
    script = with_receipt(lambda _: [receipt(in_receipt)], given)
    good = finding("receipt", script)
    assert good.verdict is SUPPORTED
    assert good.facts["id_form"] == form
    assert good.facts["id"] == in_receipt
    assert good.facts["by_tlv"] is False
    assert "sub" in good.facts["missing"]


def test_a_receipt_by_tlv():
    def by_tlv(message_id):
        return [DeliverSM(esm_class=4, tlvs={receipted_message_id: message_id, message_state: 2})]

    good = finding("receipt", with_receipt(by_tlv))
    assert good.facts["by_tlv"] is True
    assert good.facts["message_state"] == "DELIVERED"


def test_a_receipt_may_come_before_the_response():
    def script(centre, pdu):
        if not pdu.registered_delivery:
            return centre.proper(pdu)
        return [receipt("77"), answer(pdu, message_id="77")]

    report = World({SubmitSM: script}, to="4917", versions=[V3_4]).run()
    assert report["receipt"].verdict is SUPPORTED
    assert report.refused_deliveries == 0


def test_the_time_of_a_receipt():
    def script(centre, pdu):
        if pdu.registered_delivery:
            world.clock.callLater(15.0, centre.say, receipt("77"))
            return answer(pdu, message_id="77")
        return centre.proper(pdu)

    world = World({SubmitSM: script}, to="4917", versions=[V3_4])
    late = world.run()["receipt"]
    assert late.verdict is SUPPORTED
    assert late.facts["seconds"] == pytest.approx(15.0, abs=0.2)


def test_a_receipt_that_never_comes_says_nothing():
    world = World(to="4917", versions=[V3_4])
    report = world.run()
    assert report["receipt"].verdict is INCONCLUSIVE
    assert report["receipt"].said == "None came within 20 s."
    assert report["unbind"].verdict is SUPPORTED


def test_receipts_with_other_ids_are_told_and_left_to_others():
    world = World(with_receipt(lambda _: [receipt("elsewhere")]), to="4917", versions=[V3_4])
    report = world.run()
    assert report["receipt"].verdict is INCONCLUSIVE
    assert report["receipt"].facts["ids_of_receipts"] == ["elsewhere"]
    assert report.refused_deliveries == 1
    answers = [pdu.command_status for pdu in world.seen if pdu.command == "deliver_sm_resp"]
    assert answers == [CommandStatus.ESME_RX_T_APPN]


def test_a_receipt_that_is_not_final_is_not_the_end():
    only_this = finding("receipt", with_receipt(lambda i: [receipt(i, "stat:ENROUTE")]))
    assert only_this.verdict is INCONCLUSIVE
    assert "the last one said ENROUTE" in only_this.said

    def both(message_id):
        return [receipt(message_id, "stat:ENROUTE"), receipt(message_id, "stat:UNDELIV", 2)]

    final = finding("receipt", with_receipt(both))
    assert final.verdict is SUPPORTED
    assert final.facts["stat"] == "UNDELIV"


def test_a_receipt_that_cannot_be_read_is_a_violation():
    text = "sub:many stat:DELIVRD"
    bad = finding("receipt", with_receipt(lambda i: [receipt(i, text)]))
    assert bad.verdict is VIOLATION
    assert "sub: not a number" in bad.said


def test_a_receiver_is_bound_for_the_receipt_of_a_transmitter():
    waiting = []

    def script(centre, pdu):
        if pdu.registered_delivery:
            waiting.append(receipt("77"))
            return answer(pdu, message_id="77")
        return centre.proper(pdu)

    def binds(centre, pdu):
        held, waiting[:] = list(waiting), []
        return [centre.bind(pdu), *held]

    world = World(
        {SubmitSM: script, BindReceiver: binds},
        to="4917",
        versions=[V3_4],
        binds=["transmitter", "receiver"],
    )
    assert world.run()["receipt"].verdict is SUPPORTED
