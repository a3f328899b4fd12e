"""Every command of SMPP 3.3, 3.4 and 5.0, each declared once.

From these declarations come the codec, ``repr``, the operation matrix of the session,
the reference pages, the strategies of the tests and the JSON of the command line.

``esme_in`` and ``mc_in`` name the states in which each side may send a request; its
response may be sent by the other side in the same states.

Source: SMPP 5.0, chapter 4; SMPP 3.4, chapter 4. No text of 3.3 was at hand: the three
commands that only it has follow two independent implementations that agree.
"""

from __future__ import annotations

from twisted_smpp.states import BOUND, CONNECTED, State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.values import (
    NPI,
    TON,
    DataCoding,
    EsmClass,
    InterfaceVersion,
    MessageState,
    RegisteredDelivery,
    ReplaceIfPresentFlag,
)
from twisted_smpp.wire.fields import counted_octets, cstring, u8
from twisted_smpp.wire.lists import DistributionList, SMEAddress, UnsuccessSME, repeated
from twisted_smpp.wire.pdu import R_co, Request, Response
from twisted_smpp.wire.tlvs import (
    broadcast_area_identifier,
    broadcast_area_success,
    broadcast_content_type,
    broadcast_frequency_interval,
    broadcast_rep_num,
    message_state,
)

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0
SINCE_3_4 = (V3_4, V5_0)
SINCE_5_0 = (V5_0,)
ONLY_3_3 = (V3_3,)

OPEN = (State.OPEN,)
BINDABLE = {V3_4: OPEN, V5_0: (State.OPEN, State.OUTBOUND)}
SENDS = (State.BOUND_TX, State.BOUND_TRX)
RECEIVES = (State.BOUND_RX, State.BOUND_TRX)
#: 3.4 lists enquire_link and generic_nack for bound states only.
ALIVE = {V3_4: BOUND, V5_0: CONNECTED}

MESSAGE_ID = {None: 65, V3_3: 9}
SHORT_MESSAGE = {None: 255, V3_3: 254, V3_4: 254}


class GenericNack(Response, command_id=0x80000000, esme_in=ALIVE, mc_in=ALIVE):
    """The answer to a PDU that was not understood (SMPP 5.0, 4.1.4)."""


class BindResp(Response):
    """What the three bind responses have in common."""

    system_id: str = cstring(16, status=S.ESME_RINVSYSID, doc="Who the message centre is.")


class Bind(Request[R_co]):
    """What the three binds have in common."""

    system_id: str = cstring(16, status=S.ESME_RINVSYSID, doc="Who the ESME is.")
    password: str = cstring(9, status=S.ESME_RINVPASWD, secret=True, doc="Its password.")
    system_type: str = cstring(13, status=S.ESME_RINVSYSTYP, doc="Kind of ESME.")
    interface_version: int = u8(InterfaceVersion, default=0x34, doc="Version it speaks.")
    addr_ton: int = u8(TON, doc="Type of number of address_range.")
    addr_npi: int = u8(NPI, doc="Numbering plan of address_range.")
    address_range: str = cstring(41, doc="The addresses it serves, a regular expression.")


class BindReceiverResp(BindResp, command_id=0x80000001, moves_to=State.BOUND_RX):
    """The answer to bind_receiver (SMPP 5.0, 4.1.1.4)."""


class BindTransmitterResp(BindResp, command_id=0x80000002, moves_to=State.BOUND_TX):
    """The answer to bind_transmitter (SMPP 5.0, 4.1.1.2)."""


class BindTransceiverResp(
    BindResp, command_id=0x80000009, versions=SINCE_3_4, moves_to=State.BOUND_TRX
):
    """The answer to bind_transceiver (SMPP 5.0, 4.1.1.6)."""


class BindReceiver(Bind[BindReceiverResp], command_id=0x00000001, esme_in=BINDABLE):
    """Asks to receive messages (SMPP 5.0, 4.1.1.3)."""


class BindTransmitter(Bind[BindTransmitterResp], command_id=0x00000002, esme_in=BINDABLE):
    """Asks to submit messages (SMPP 5.0, 4.1.1.1)."""


class BindTransceiver(
    Bind[BindTransceiverResp], command_id=0x00000009, versions=SINCE_3_4, esme_in=BINDABLE
):
    """Asks to do both on one session (SMPP 5.0, 4.1.1.5)."""


class Outbind(
    Request[None],
    command_id=0x0000000B,
    versions=SINCE_3_4,
    mc_in=OPEN,
    moves_to={V5_0: State.OUTBOUND, V3_4: State.OPEN},
):
    """The message centre asks an ESME to bind; it has no response (SMPP 5.0, 4.1.1.7)."""

    system_id: str = cstring(16, status=S.ESME_RINVSYSID, doc="Who the message centre is.")
    password: str = cstring(9, status=S.ESME_RINVPASWD, secret=True, doc="Its password.")


class UnbindResp(
    Response, command_id=0x80000006, moves_to={V5_0: State.UNBOUND, V3_4: State.CLOSED}
):
    """The answer to unbind (SMPP 5.0, 4.1.1.9)."""


class Unbind(Request[UnbindResp], command_id=0x00000006, esme_in=BOUND, mc_in=BOUND):
    """Ends the session in good order (SMPP 5.0, 4.1.1.8)."""


class EnquireLinkResp(Response, command_id=0x80000015):
    """The answer to enquire_link (SMPP 5.0, 4.1.2.2)."""


class EnquireLink(Request[EnquireLinkResp], command_id=0x00000015, esme_in=ALIVE, mc_in=ALIVE):
    """Asks whether the other side is alive (SMPP 5.0, 4.1.2.1)."""


class SubmitSMResp(Response, command_id=0x80000004):
    """The answer to submit_sm (SMPP 5.0, 4.2.1.2)."""

    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The MC's id of it.")


class SubmitSM(Request[SubmitSMResp], command_id=0x00000004, esme_in=SENDS):
    """Submits a short message to the message centre (SMPP 5.0, 4.2.1.1)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="Empty: the MC's default.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Type of number of the source.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Its numbering plan.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="Who sends it.")
    dest_addr_ton: int = u8(TON, status=S.ESME_RINVDSTTON, doc="Type of number of the destination.")
    dest_addr_npi: int = u8(NPI, status=S.ESME_RINVDSTNPI, doc="Its numbering plan.")
    destination_addr: str = cstring(21, status=S.ESME_RINVDSTADR, doc="Who gets it.")
    esm_class: int = u8(EsmClass, status=S.ESME_RINVESMCLASS, doc="Mode, type and features.")
    protocol_id: int = u8(doc="Network specific.")
    priority_flag: int = u8(status=S.ESME_RINVPRTFLG, doc="0 is the lowest.")
    schedule_delivery_time: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVSCHED, doc="When to deliver; empty: now."
    )
    validity_period: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVEXPIRY, doc="How long to try; empty: the MC's default."
    )
    registered_delivery: int = u8(
        RegisteredDelivery, status=S.ESME_RINVREGDLVFLG, doc="Which receipts are wanted."
    )
    replace_if_present_flag: int = u8(
        ReplaceIfPresentFlag, status=S.ESME_RINVREPFLAG, doc="Whether it replaces an earlier one."
    )
    data_coding: int = u8(DataCoding, status=S.ESME_RINVDCS, doc="Coding of the text.")
    sm_default_msg_id: int = u8(status=S.ESME_RINVDFTMSGID, doc="A message the MC keeps.")
    short_message: bytes = counted_octets(SHORT_MESSAGE, doc="The text, up to 254 octets.")


class DeliverSMResp(Response, command_id=0x80000005):
    """The answer to deliver_sm (SMPP 5.0, 4.3.1.2)."""

    message_id: str = cstring(
        {None: 65, V3_4: 1, V3_3: 1}, status=S.ESME_RINVMSGID, doc="Unused: empty."
    )


class DeliverSM(Request[DeliverSMResp], command_id=0x00000005, mc_in=RECEIVES):
    """Hands a short message or a receipt to an ESME (SMPP 5.0, 4.3.1.1)."""

    service_type: str = cstring(
        {None: 8, V3_3: 6, V3_4: 6, V5_0: 6}, status=S.ESME_RINVSERTYP, doc="Empty: default."
    )
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Type of number of the source.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Its numbering plan.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="Who sent it.")
    dest_addr_ton: int = u8(TON, status=S.ESME_RINVDSTTON, doc="Type of number of the destination.")
    dest_addr_npi: int = u8(NPI, status=S.ESME_RINVDSTNPI, doc="Its numbering plan.")
    destination_addr: str = cstring(21, status=S.ESME_RINVDSTADR, doc="Who gets it.")
    esm_class: int = u8(EsmClass, status=S.ESME_RINVESMCLASS, doc="Mode, type and features.")
    protocol_id: int = u8(doc="Network specific.")
    priority_flag: int = u8(status=S.ESME_RINVPRTFLG, doc="0 is the lowest.")
    schedule_delivery_time: str = cstring(
        {None: 17, V3_4: 1, V3_3: 1}, sizes=(1, 17), status=S.ESME_RINVSCHED, doc="Since 5.0."
    )
    validity_period: str = cstring(
        {None: 17, V3_4: 1, V3_3: 1}, sizes=(1, 17), status=S.ESME_RINVEXPIRY, doc="Since 5.0."
    )
    registered_delivery: int = u8(
        RegisteredDelivery, status=S.ESME_RINVREGDLVFLG, doc="Which acknowledgements are wanted."
    )
    replace_if_present_flag: int = u8(
        ReplaceIfPresentFlag, status=S.ESME_RINVREPFLAG, doc="0 before 5.0."
    )
    data_coding: int = u8(DataCoding, status=S.ESME_RINVDCS, doc="Coding of the text.")
    sm_default_msg_id: int = u8(status=S.ESME_RINVDFTMSGID, doc="Unused: 0.")
    short_message: bytes = counted_octets(SHORT_MESSAGE, doc="The text or the receipt.")


class QuerySMResp(Response, command_id=0x80000003):
    """The answer to query_sm (SMPP 5.0, 4.5.2.2)."""

    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The id asked for.")
    final_date: str = cstring(17, sizes=(1, 17), doc="When it became final; empty: not yet.")
    message_state: int = u8(MessageState, doc="Where it is.")
    error_code: int = u8(doc="Network specific; 0 when there is none.")


class QuerySM(Request[QuerySMResp], command_id=0x00000003, esme_in=SENDS):
    """Asks what became of a message (SMPP 5.0, 4.5.2.1)."""

    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="As in the submission.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="As in the submission.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As in the submission.")


class ReplaceSMResp(Response, command_id=0x80000007):
    """The answer to replace_sm (SMPP 5.0, 4.5.3.2)."""


class ReplaceSM(Request[ReplaceSMResp], command_id=0x00000007, esme_in=SENDS):
    """Replaces a message that waits (SMPP 5.0, 4.5.3.1)."""

    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="As in the submission.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="As in the submission.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As in the submission.")
    schedule_delivery_time: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVSCHED, doc="Empty: as it was."
    )
    validity_period: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVEXPIRY, doc="Empty: as it was."
    )
    registered_delivery: int = u8(
        RegisteredDelivery, status=S.ESME_RINVREGDLVFLG, doc="Which receipts are wanted."
    )
    sm_default_msg_id: int = u8(status=S.ESME_RINVDFTMSGID, doc="A message the MC keeps.")
    short_message: bytes = counted_octets(SHORT_MESSAGE, doc="The new text, coded as the old.")


class CancelSMResp(Response, command_id=0x80000008):
    """The answer to cancel_sm (SMPP 5.0, 4.5.1.2)."""


class CancelSM(Request[CancelSMResp], command_id=0x00000008, esme_in=SENDS):
    """Cancels a message, or with an empty id those of an address (SMPP 5.0, 4.5.1.1)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="Of the messages to cancel.")
    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="As in the submission.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="As in the submission.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As in the submission.")
    dest_addr_ton: int = u8(TON, status=S.ESME_RINVDSTTON, doc="As in the submission.")
    dest_addr_npi: int = u8(NPI, status=S.ESME_RINVDSTNPI, doc="As in the submission.")
    destination_addr: str = cstring(21, status=S.ESME_RINVDSTADR, doc="As in the submission.")


class SubmitMultiResp(Response, command_id=0x80000021):
    """The answer to submit_multi (SMPP 5.0, 4.2.3.2)."""

    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    unsuccess_sme: list[UnsuccessSME] = repeated(
        "unsuccess_smes", count="no_unsuccess", doc="The destinations that were refused."
    )


class SubmitMulti(Request[SubmitMultiResp], command_id=0x00000021, esme_in=SENDS):
    """Submits a short message to many destinations (SMPP 5.0, 4.2.3.1)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="Empty: the MC's default.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Type of number of the source.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Its numbering plan.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="Who sends it.")
    dest_address: list[SMEAddress | DistributionList] = repeated(
        "dest_addresses",
        count="number_of_dests",
        least=1,
        most={None: 255, V3_3: 254, V3_4: 254},
        doc="Who gets it.",
    )
    esm_class: int = u8(EsmClass, status=S.ESME_RINVESMCLASS, doc="Mode, type and features.")
    protocol_id: int = u8(doc="Network specific.")
    priority_flag: int = u8(status=S.ESME_RINVPRTFLG, doc="0 is the lowest.")
    schedule_delivery_time: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVSCHED, doc="When to deliver; empty: now."
    )
    validity_period: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVEXPIRY, doc="How long to try; empty: the MC's default."
    )
    registered_delivery: int = u8(
        RegisteredDelivery, status=S.ESME_RINVREGDLVFLG, doc="Which receipts are wanted."
    )
    replace_if_present_flag: int = u8(
        ReplaceIfPresentFlag, status=S.ESME_RINVREPFLAG, doc="0 before 5.0."
    )
    data_coding: int = u8(DataCoding, status=S.ESME_RINVDCS, doc="Coding of the text.")
    sm_default_msg_id: int = u8(status=S.ESME_RINVDFTMSGID, doc="A message the MC keeps.")
    short_message: bytes = counted_octets(SHORT_MESSAGE, doc="The text, up to 254 octets.")


class AlertNotification(
    Request[None],
    command_id=0x00000102,
    versions=SINCE_3_4,
    mc_in=RECEIVES,
):
    """A mobile station can be reached again; it has no response (SMPP 5.0, 4.1.3.1)."""

    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Of the mobile station.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Of the mobile station.")
    source_addr: str = cstring(65, status=S.ESME_RINVSRCADR, doc="Of the mobile station.")
    esme_addr_ton: int = u8(TON, doc="Of the ESME.")
    esme_addr_npi: int = u8(NPI, doc="Of the ESME.")
    esme_addr: str = cstring(65, status=S.ESME_RINVDSTADR, doc="Of the ESME.")


class DataSMResp(Response, command_id=0x80000103, versions=SINCE_3_4):
    """The answer to data_sm (SMPP 5.0, 4.2.2.2)."""

    message_id: str = cstring(MESSAGE_ID, status=S.ESME_RINVMSGID, doc="The MC's id of it.")


class DataSM(
    Request[DataSMResp],
    command_id=0x00000103,
    versions=SINCE_3_4,
    esme_in=SENDS,
    mc_in=RECEIVES,
):
    """Passes data in either direction, all of it in TLVs (SMPP 5.0, 4.2.2.1)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="Empty: the MC's default.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Type of number of the source.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Its numbering plan.")
    source_addr: str = cstring(65, status=S.ESME_RINVSRCADR, doc="Who sends it.")
    dest_addr_ton: int = u8(TON, status=S.ESME_RINVDSTTON, doc="Type of number of the destination.")
    dest_addr_npi: int = u8(NPI, status=S.ESME_RINVDSTNPI, doc="Its numbering plan.")
    destination_addr: str = cstring(65, status=S.ESME_RINVDSTADR, doc="Who gets it.")
    esm_class: int = u8(EsmClass, status=S.ESME_RINVESMCLASS, doc="Mode, type and features.")
    registered_delivery: int = u8(
        RegisteredDelivery, status=S.ESME_RINVREGDLVFLG, doc="Which receipts are wanted."
    )
    data_coding: int = u8(DataCoding, status=S.ESME_RINVDCS, doc="Coding of the text.")


class BroadcastSMResp(Response, command_id=0x80000111, versions=SINCE_5_0):
    """The answer to broadcast_sm (SMPP 5.0, 4.4.1.2)."""

    message_id: str = cstring(65, status=S.ESME_RINVMSGID, doc="The MC's id of it.")


class BroadcastSM(
    Request[BroadcastSMResp],
    command_id=0x00000111,
    versions=SINCE_5_0,
    esme_in=SENDS,
    requires=(
        broadcast_area_identifier,
        broadcast_content_type,
        broadcast_frequency_interval,
        broadcast_rep_num,
    ),
):
    """Submits a message for broadcast to an area (SMPP 5.0, 4.4.1.1)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="Empty: the MC's default.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Type of number of the source.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Its numbering plan.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="Who sends it.")
    message_id: str = cstring(65, status=S.ESME_RINVMSGID, doc="Empty unless it replaces one.")
    priority_flag: int = u8(status=S.ESME_RINVPRTFLG, doc="0 is the lowest.")
    schedule_delivery_time: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVSCHED, doc="When to start; empty: now."
    )
    validity_period: str = cstring(
        17, sizes=(1, 17), status=S.ESME_RINVEXPIRY, doc="How long to broadcast."
    )
    replace_if_present_flag: int = u8(
        ReplaceIfPresentFlag, status=S.ESME_RINVREPFLAG, doc="Whether it replaces an earlier one."
    )
    data_coding: int = u8(DataCoding, status=S.ESME_RINVDCS, doc="Coding of the text.")
    sm_default_msg_id: int = u8(status=S.ESME_RINVDFTMSGID, doc="A message the MC keeps.")


class QueryBroadcastSMResp(
    Response,
    command_id=0x80000112,
    versions=SINCE_5_0,
    requires=(broadcast_area_identifier, broadcast_area_success, message_state),
):
    """The answer to query_broadcast_sm (SMPP 5.0, 4.6.1.3)."""

    message_id: str = cstring(65, status=S.ESME_RINVMSGID, doc="The id asked for.")


class QueryBroadcastSM(
    Request[QueryBroadcastSMResp], command_id=0x00000112, versions=SINCE_5_0, esme_in=SENDS
):
    """Asks what became of a broadcast (SMPP 5.0, 4.6.1.1)."""

    message_id: str = cstring(65, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="As in the submission.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="As in the submission.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As in the submission.")


class CancelBroadcastSMResp(Response, command_id=0x80000113, versions=SINCE_5_0):
    """The answer to cancel_broadcast_sm (SMPP 5.0, 4.6.2.3)."""


class CancelBroadcastSM(
    Request[CancelBroadcastSMResp], command_id=0x00000113, versions=SINCE_5_0, esme_in=SENDS
):
    """Cancels a broadcast (SMPP 5.0, 4.6.2.1)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="Of the broadcast to cancel.")
    message_id: str = cstring(65, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="As in the submission.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="As in the submission.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As in the submission.")


class ParamRetrieveResp(Response, command_id=0x80000022, versions=ONLY_3_3):
    """The answer to param_retrieve (SMPP 3.3 only)."""

    param_value: str = cstring(101, doc="The value of the parameter.")


class ParamRetrieve(
    Request[ParamRetrieveResp],
    command_id=0x00000022,
    versions=ONLY_3_3,
    esme_in=(State.BOUND_TX,),
):
    """Asks for a parameter of the message centre (SMPP 3.3 only)."""

    param_name: str = cstring(32, doc="Which one.")


class QueryLastMsgsResp(Response, command_id=0x80000023, versions=ONLY_3_3):
    """The answer to query_last_msgs (SMPP 3.3 only)."""

    message_ids: list[str] = repeated(
        "message_ids",
        count="no_of_msgs",
        most=100,
        status=S.ESME_RINVNUMMSGS,
        doc="The ids, newest first.",
    )


class QueryLastMsgs(
    Request[QueryLastMsgsResp],
    command_id=0x00000023,
    versions=ONLY_3_3,
    esme_in=(State.BOUND_TX,),
):
    """Asks for the ids of the last messages of an address (SMPP 3.3 only)."""

    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="Type of number of the source.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="Its numbering plan.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="Whose messages.")
    no_of_msgs: int = u8(status=S.ESME_RINVNUMMSGS, doc="How many, 1 to 100.")


class QueryMsgDetailsResp(Response, command_id=0x80000024, versions=ONLY_3_3):
    """The answer to query_msg_details (SMPP 3.3 only)."""

    service_type: str = cstring(6, status=S.ESME_RINVSERTYP, doc="As submitted.")
    source_addr_ton: int = u8(TON, doc="As submitted.")
    source_addr_npi: int = u8(NPI, doc="As submitted.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As submitted.")
    dest_address: list[SMEAddress | DistributionList] = repeated(
        "dest_addresses", count="number_of_dests", doc="As submitted."
    )
    protocol_id: int = u8(doc="As submitted.")
    priority_flag: int = u8(doc="As submitted.")
    schedule_delivery_time: str = cstring(17, sizes=(1, 17), doc="As submitted.")
    validity_period: str = cstring(17, sizes=(1, 17), doc="As submitted.")
    registered_delivery: int = u8(RegisteredDelivery, doc="As submitted.")
    data_coding: int = u8(DataCoding, doc="As submitted.")
    short_message: bytes = counted_octets(160, doc="The text, or what was asked of it.")
    message_id: str = cstring(9, status=S.ESME_RINVMSGID, doc="The id asked for.")
    final_date: str = cstring(17, sizes=(1, 17), doc="When it became final; empty: not yet.")
    message_state: int = u8(MessageState, doc="Where it is.")
    error_code: int = u8(doc="Network specific; 0 when there is none.")


class QueryMsgDetails(
    Request[QueryMsgDetailsResp],
    command_id=0x00000024,
    versions=ONLY_3_3,
    esme_in=(State.BOUND_TX,),
):
    """Asks for a message with its text (SMPP 3.3 only)."""

    message_id: str = cstring(9, status=S.ESME_RINVMSGID, doc="The MC's id of it.")
    source_addr_ton: int = u8(TON, status=S.ESME_RINVSRCTON, doc="As in the submission.")
    source_addr_npi: int = u8(NPI, status=S.ESME_RINVSRCNPI, doc="As in the submission.")
    source_addr: str = cstring(21, status=S.ESME_RINVSRCADR, doc="As in the submission.")
    sm_length: int = u8(status=S.ESME_RINVMSGLEN, doc="How many octets of text to return.")
