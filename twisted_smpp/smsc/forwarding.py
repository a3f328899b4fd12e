"""From what was submitted to what is delivered, and to the receipts about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted_smpp.errors import RequestRefused
from twisted_smpp.status import CommandStatus
from twisted_smpp.text import times
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import EsmClass, MessageState, RegisteredDelivery
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlv import TLVs

__all__ = [
    "NOT_USUAL",
    "check_message",
    "delivery",
    "receipt_fields",
    "schedule_and_expiry",
    "wants_receipt",
]

#: What a submission may carry for the message centre itself, and what only a receipt says, which
#: nobody submits: there is no place for it in what is delivered of a submission.
_FOR_THE_CENTRE = frozenset(
    tlv.tag
    for tlv in (
        tlvs.alert_on_message_delivery,
        tlvs.billing_identification,
        tlvs.dest_bearer_type,
        tlvs.dest_network_type,
        tlvs.dest_telematics_id,
        tlvs.display_time,
        tlvs.message_state,
        tlvs.more_messages_to_send,
        tlvs.ms_msg_wait_facilities,
        tlvs.ms_validity,
        tlvs.network_error_code,
        tlvs.number_of_messages,
        tlvs.qos_time_to_live,
        tlvs.receipted_message_id,
        tlvs.set_dpf,
        tlvs.sms_signal,
        tlvs.source_bearer_type,
        tlvs.source_network_type,
        tlvs.source_telematics_id,
    )
)
#: Of esm_class: what a message is (an acknowledgement of the receiver's), and its features.
_ESM_CLASS = 0xFC
#: Of esm_class: either of them makes a receipt of a message for one reader or the other (SMPP 5.0,
#: 4.7.12), whatever the bits between them, which are reserved beside them, say.
_RECEIPT_BITS = int(EsmClass.MC_DELIVERY_RECEIPT | EsmClass.INTERMEDIATE_NOTIFICATION)
#: Of registered_delivery: the acknowledgements of the receiving SME.
_SME_ACKS = 0x0C


#: Of esm_class: what makes a message, even one without TLVs, a case for :func:`check_message`.
NOT_USUAL = _RECEIPT_BITS | int(EsmClass.UDHI)


def check_message(request: Any) -> None:
    """What no account may submit, whoever it is.

    Raises:
        RequestRefused: a receipt (only a message centre makes them), a header announced
            without any octets, or two texts at once.
    """
    tail = request.octets_of_tail()
    octets = getattr(request, "short_message", b"")
    has_payload = bool(tail) and tlvs.message_payload in request.tlvs
    if not request.esm_class & NOT_USUAL and not (octets and has_payload):
        return
    if request.esm_class & _RECEIPT_BITS:
        raise RequestRefused(CommandStatus.ESME_RINVESMCLASS, "receipts are not submitted")
    if request.esm_class & EsmClass.UDHI and not octets and not has_payload:
        raise RequestRefused(CommandStatus.ESME_RINVESMCLASS, "UDHI without user data")
    if octets and has_payload:
        raise RequestRefused(
            CommandStatus.ESME_ROPTPARNOTALLWD, "both short_message and message_payload"
        )


def schedule_and_expiry(
    request: Any, now: float, default_validity: float, longest_validity: float
) -> tuple[float | None, float]:
    """When a message is to be delivered first, and until when at all.

    Args:
        request: the submission; data_sm has neither time.
        now: seconds since 1970.
        default_validity, longest_validity: seconds after ``now`` or after the schedule.

    Returns:
        Seconds since 1970; the first is None for at once.

    Raises:
        RequestRefused: ESME_RINVSCHED or ESME_RINVEXPIRY for what is no time, or makes no sense.
    """
    if not (
        getattr(request, "schedule_delivery_time", "") or getattr(request, "validity_period", "")
    ):
        return None, now + default_validity
    scheduled = _moment(request, "schedule_delivery_time", CommandStatus.ESME_RINVSCHED, now)
    if scheduled is not None and scheduled <= now:
        scheduled = None
    begin = now if scheduled is None else scheduled
    if begin - now > longest_validity:
        raise RequestRefused(
            CommandStatus.ESME_RINVSCHED, f"more than {longest_validity:g} s from now"
        )
    expires = _moment(request, "validity_period", CommandStatus.ESME_RINVEXPIRY, now)
    if expires is None:
        return scheduled, begin + default_validity
    if expires <= begin:
        raise RequestRefused(CommandStatus.ESME_RINVEXPIRY, "over before it begins")
    return scheduled, min(expires, begin + longest_validity)


def _moment(request: Any, name: str, status: CommandStatus, now: float) -> float | None:
    value = getattr(request, name, "")
    if not value:
        return None
    present = datetime.fromtimestamp(now, UTC)
    try:
        moment = times.resolve(times.decode(value, name), present)
    except (ValueError, OverflowError) as error:
        raise RequestRefused(status, str(error)) from None
    return None if moment is None else moment.timestamp()


def delivery(submitted: Any, swap: bool = False) -> DeliverSM | DataSM:
    """The PDU that brings a message to its receiver.

    Args:
        submitted: the submit_sm, or the data_sm, which stays one.
        swap: whether it goes back to where it came from, with the addresses swapped.
    """
    ends = [
        (submitted.source_addr_ton, submitted.source_addr_npi, submitted.source_addr),
        (submitted.dest_addr_ton, submitted.dest_addr_npi, submitted.destination_addr),
    ]
    source, destination = reversed(ends) if swap else ends
    fields: dict[str, Any] = {
        "service_type": submitted.service_type,
        "source_addr_ton": source[0],
        "source_addr_npi": source[1],
        "source_addr": source[2],
        "dest_addr_ton": destination[0],
        "dest_addr_npi": destination[1],
        "destination_addr": destination[2],
        "esm_class": submitted.esm_class & _ESM_CLASS,
        "registered_delivery": submitted.registered_delivery & _SME_ACKS,
        "data_coding": submitted.data_coding,
    }
    if submitted.tlvs:
        fields["tlvs"] = passed = TLVs(submitted.tlvs)
        for tag in _FOR_THE_CENTRE.intersection(passed):
            del passed[tag]
    if isinstance(submitted, DataSM):
        return DataSM(**fields)
    return DeliverSM(
        protocol_id=submitted.protocol_id,
        priority_flag=submitted.priority_flag,
        short_message=submitted.short_message,
        **fields,
    )


def wants_receipt(registered_delivery: int, state: int) -> bool:
    """Whether a receipt is to be sent when a message has come to its end.

    Args:
        registered_delivery: of the submission.
        state: the final MessageState.
    """
    wanted = registered_delivery & 0x03
    if wanted == RegisteredDelivery.RECEIPT:
        return True
    is_success = state == MessageState.DELIVERED
    if wanted == RegisteredDelivery.RECEIPT_ON_FAILURE:
        return not is_success
    return wanted == RegisteredDelivery.RECEIPT_ON_SUCCESS and is_success


def receipt_fields(
    submitted: Any,
    message_id: str,
    state: int,
    *,
    at: datetime,
    done: datetime,
    error: int = 0,
    seconds: bool = False,
    intermediate: bool = False,
) -> dict[str, Any]:
    """The fields of the deliver_sm that is the receipt of a message.

    Args:
        submitted: the submission.
        message_id: what the submitter was told.
        state: a MessageState.
        at, done: when it was submitted and got this state.
        error: network specific, 0 to 999.
        seconds: whether the dates of the text have seconds.
        intermediate: whether it is an intermediate notification.
    """
    receipt = Receipt.build(
        message_id,
        state,
        submitted=at,
        done=done,
        seconds=seconds,
        error=error,
        text=getattr(submitted, "short_message", b""),
        intermediate=intermediate,
    )
    fields = {
        "source_addr_ton": submitted.dest_addr_ton,
        "source_addr_npi": submitted.dest_addr_npi,
        "source_addr": submitted.destination_addr,
        "dest_addr_ton": submitted.source_addr_ton,
        "dest_addr_npi": submitted.source_addr_npi,
        "destination_addr": submitted.source_addr,
        **receipt.fields_of_pdu(),
    }
    reference = None
    if submitted.octets_of_tail():
        reference = submitted.tlvs.get(tlvs.user_message_reference)
    if reference is not None:
        fields["tlvs"] = {**fields["tlvs"], tlvs.user_message_reference: reference}
    return fields
