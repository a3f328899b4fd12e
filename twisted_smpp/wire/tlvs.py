"""The 64 TLVs of SMPP 3.4 and 5.0, one line each.

Source: SMPP 5.0, 4.8; SMPP 3.4, 5.3. ``also`` marks sizes that are read although the
standard does not allow them, because peers in the field send them.
"""

from __future__ import annotations

from typing import Any

from twisted_smpp.status import CommandStatus
from twisted_smpp.values import (
    AddrSubunit,
    AlertOnMessageDelivery,
    BearerType,
    BroadcastChannelIndicator,
    BroadcastMessageClass,
    CallbackNumPresInd,
    CongestionState,
    DeliveryFailureReason,
    DestAddrNpResolution,
    DisplayTime,
    DpfResult,
    InterfaceVersion,
    ItsReplyType,
    LanguageIndicator,
    MessageState,
    MoreMessagesToSend,
    MsAvailabilityStatus,
    MsMsgWaitFacilities,
    NetworkType,
    PayloadType,
    PrivacyIndicator,
    SetDpf,
    UssdServiceOp,
)
from twisted_smpp.wire.tlv import TLV, by_tag, register

_V5 = InterfaceVersion.V5_0


def _u8(name: str, tag: int, least: int = 1, **options: Any) -> TLV[int]:
    return register(TLV(name, tag, "int", least, 1, **options))


def _u16(name: str, tag: int, **options: Any) -> TLV[int]:
    return register(TLV(name, tag, "int", 2, 2, **options))


def _u32(name: str, tag: int, **options: Any) -> TLV[int]:
    return register(TLV(name, tag, "int", 4, 4, **options))


def _cstring(name: str, tag: int, least: int, most: int, **options: Any) -> TLV[str]:
    return register(TLV(name, tag, "cstring", least, most, **options))


def _octets(name: str, tag: int, least: int, most: int, **options: Any) -> TLV[bytes]:
    return register(TLV(name, tag, "octets", least, most, **options))


# fmt: off
dest_addr_subunit: TLV[int] = _u8("dest_addr_subunit", 0x0005, enum=AddrSubunit)
dest_network_type: TLV[int] = _u8("dest_network_type", 0x0006, enum=NetworkType)
dest_bearer_type: TLV[int] = _u8("dest_bearer_type", 0x0007, enum=BearerType)
dest_telematics_id: TLV[int] = _u16("dest_telematics_id", 0x0008)
source_addr_subunit: TLV[int] = _u8("source_addr_subunit", 0x000D, enum=AddrSubunit)
source_network_type: TLV[int] = _u8("source_network_type", 0x000E, enum=NetworkType)
source_bearer_type: TLV[int] = _u8("source_bearer_type", 0x000F, enum=BearerType)
source_telematics_id: TLV[int] = _u8("source_telematics_id", 0x0010, also=(2,))
qos_time_to_live: TLV[int] = _u32("qos_time_to_live", 0x0017)
payload_type: TLV[int] = _u8("payload_type", 0x0019, enum=PayloadType)
additional_status_info_text: TLV[str] = _cstring("additional_status_info_text", 0x001D, 1, 256)
receipted_message_id: TLV[str] = _cstring("receipted_message_id", 0x001E, 1, 65)
ms_msg_wait_facilities: TLV[int] = _u8("ms_msg_wait_facilities", 0x0030, enum=MsMsgWaitFacilities)
privacy_indicator: TLV[int] = _u8("privacy_indicator", 0x0201, enum=PrivacyIndicator)
source_subaddress: TLV[bytes] = _octets("source_subaddress", 0x0202, 2, 23)
dest_subaddress: TLV[bytes] = _octets("dest_subaddress", 0x0203, 2, 23)
user_message_reference: TLV[int] = _u16("user_message_reference", 0x0204)
user_response_code: TLV[int] = _u8("user_response_code", 0x0205)
source_port: TLV[int] = _u16("source_port", 0x020A)
destination_port: TLV[int] = _u16("destination_port", 0x020B, aliases=("dest_port",))
sar_msg_ref_num: TLV[int] = _u16("sar_msg_ref_num", 0x020C)
language_indicator: TLV[int] = _u8("language_indicator", 0x020D, enum=LanguageIndicator)
sar_total_segments: TLV[int] = _u8("sar_total_segments", 0x020E)
sar_segment_seqnum: TLV[int] = _u8("sar_segment_seqnum", 0x020F)
sc_interface_version: TLV[int] = _u8("sc_interface_version", 0x0210, enum=InterfaceVersion, aliases=("SC_interface_version",))
callback_num_pres_ind: TLV[int] = _u8("callback_num_pres_ind", 0x0302, enum=CallbackNumPresInd, repeatable=True)
callback_num_atag: TLV[bytes] = _octets("callback_num_atag", 0x0303, 1, 65, also=(0,), repeatable=True)
number_of_messages: TLV[int] = _u8("number_of_messages", 0x0304)
callback_num: TLV[bytes] = _octets("callback_num", 0x0381, 4, 19, repeatable=True)
dpf_result: TLV[int] = _u8("dpf_result", 0x0420, enum=DpfResult)
set_dpf: TLV[int] = _u8("set_dpf", 0x0421, enum=SetDpf)
ms_availability_status: TLV[int] = _u8("ms_availability_status", 0x0422, enum=MsAvailabilityStatus)
network_error_code: TLV[bytes] = _octets("network_error_code", 0x0423, 3, 3)
message_payload: TLV[bytes] = _octets("message_payload", 0x0424, 0, 65535, text=True)
delivery_failure_reason: TLV[int] = _u8("delivery_failure_reason", 0x0425, enum=DeliveryFailureReason)
more_messages_to_send: TLV[int] = _u8("more_messages_to_send", 0x0426, enum=MoreMessagesToSend)
message_state: TLV[int] = _u8("message_state", 0x0427, enum=MessageState)
congestion_state: TLV[int] = _u8("congestion_state", 0x0428, enum=CongestionState, since=_V5)
ussd_service_op: TLV[int] = _u8("ussd_service_op", 0x0501, enum=UssdServiceOp)
broadcast_channel_indicator: TLV[int] = _u8("broadcast_channel_indicator", 0x0600, enum=BroadcastChannelIndicator, since=_V5)
broadcast_content_type: TLV[bytes] = _octets("broadcast_content_type", 0x0601, 3, 3, since=_V5)
broadcast_content_type_info: TLV[bytes] = _octets("broadcast_content_type_info", 0x0602, 1, 255, also=(0,), since=_V5)
broadcast_message_class: TLV[int] = _u8("broadcast_message_class", 0x0603, enum=BroadcastMessageClass, since=_V5)
broadcast_rep_num: TLV[int] = _u16("broadcast_rep_num", 0x0604, since=_V5)
broadcast_frequency_interval: TLV[bytes] = _octets("broadcast_frequency_interval", 0x0605, 3, 3, since=_V5)
broadcast_area_identifier: TLV[bytes] = _octets("broadcast_area_identifier", 0x0606, 1, 101, repeatable=True, since=_V5, aliases=("failed_broadcast_area_identifier",))
broadcast_error_status: TLV[int] = _u32("broadcast_error_status", 0x0607, enum=CommandStatus, repeatable=True, since=_V5)
broadcast_area_success: TLV[int] = _u8("broadcast_area_success", 0x0608, repeatable=True, since=_V5)
broadcast_end_time: TLV[str] = _cstring("broadcast_end_time", 0x0609, 16, 17, since=_V5)
broadcast_service_group: TLV[bytes] = _octets("broadcast_service_group", 0x060A, 1, 255, since=_V5)
billing_identification: TLV[bytes] = _octets("billing_identification", 0x060B, 1, 1024, also=(0,), since=_V5)
source_network_id: TLV[str] = _cstring("source_network_id", 0x060D, 7, 65, also=(66,), since=_V5)
dest_network_id: TLV[str] = _cstring("dest_network_id", 0x060E, 7, 65, also=(66,), since=_V5)
source_node_id: TLV[bytes] = _octets("source_node_id", 0x060F, 6, 6, since=_V5)
dest_node_id: TLV[bytes] = _octets("dest_node_id", 0x0610, 6, 6, since=_V5)
dest_addr_np_resolution: TLV[int] = _u8("dest_addr_np_resolution", 0x0611, enum=DestAddrNpResolution, since=_V5)
dest_addr_np_information: TLV[bytes] = _octets("dest_addr_np_information", 0x0612, 10, 10, also=(0,), since=_V5)
dest_addr_np_country: TLV[bytes] = _octets("dest_addr_np_country", 0x0613, 1, 5, since=_V5)
display_time: TLV[int] = _u8("display_time", 0x1201, enum=DisplayTime)
sms_signal: TLV[int] = _u16("sms_signal", 0x1203)
ms_validity: TLV[bytes] = _octets("ms_validity", 0x1204, 1, 4, sizes=(1, 4))
alert_on_message_delivery: TLV[int] = _u8("alert_on_message_delivery", 0x130C, enum=AlertOnMessageDelivery, least=0, aliases=("alert_on_msg_delivery",))
its_reply_type: TLV[int] = _u8("its_reply_type", 0x1380, enum=ItsReplyType)
its_session_info: TLV[bytes] = _octets("its_session_info", 0x1383, 2, 2)
# fmt: on

#: The standard's TLVs by tag; a registered vendor's one is only in ``tlv.by_tag``.
STANDARD: dict[int, TLV[Any]] = dict(by_tag)
