"""Every command_status of SMPP 3.4 and 5.0, each with its meaning in words.

A status is an ``int`` everywhere in this package, so that a vendor's code (0x400 to
0x4FF) or a reserved one passes through unchanged; :class:`CommandStatus` names the
known ones::

    >>> CommandStatus(0x0B).name
    'ESME_RINVDSTADR'
    >>> CommandStatus(0x0B).description
    'Bad destination address.'
    >>> CommandStatus(0x400).name
    'VENDOR_0x00000400'

Five codes were renamed in 5.0; the 5.0 names are aliases.

Source: SMPP 3.4, 5.1.3; SMPP 5.0, 4.7.6 (command_status).
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CommandStatus"]


class CommandStatus(IntEnum):
    """The result of an operation, as the header of every response carries it.

    Attributes:
        description: what the status means, in one sentence.
    """

    description: str

    def __new__(cls, value: int, description: str = "") -> CommandStatus:
        member = int.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member

    @classmethod
    def _missing_(cls, value: object) -> CommandStatus | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF:
            return None
        vendor = 0x400 <= value <= 0x4FF
        member = int.__new__(cls, value)
        member._value_ = value
        member._name_ = f"{'VENDOR' if vendor else 'RESERVED'}_{value:#010x}"
        member.description = (
            "Specific to the vendor of the message centre."
            if vendor
            else "Not assigned by the standard."
        )
        return member

    ESME_ROK = 0x000, "Success."
    ESME_RINVMSGLEN = 0x001, "The user data length is not acceptable, usually too long."
    ESME_RINVCMDLEN = 0x002, "The PDU length is wrong for this PDU, too short or too large."
    ESME_RINVCMDID = 0x003, "The command id is unknown or not supported."
    ESME_RINVBNDSTS = 0x004, "The PDU is not allowed in the present session state."
    ESME_RALYBND = 0x005, "It is bound already, or as often as it may be."
    ESME_RINVPRTFLG = 0x006, "Bad priority_flag."
    ESME_RINVREGDLVFLG = 0x007, "Bad or disabled registered_delivery setting."
    ESME_RSYSERR = 0x008, "Internal failure at the message centre."
    ESME_RINVSRCADR = 0x00A, "Bad source address."
    ESME_RINVDSTADR = 0x00B, "Bad destination address."
    ESME_RINVMSGID = 0x00C, "Unknown or badly formed message id."
    ESME_RBINDFAIL = (
        0x00D,
        "The bind was refused for an unspecified reason, including wrong credentials.",
    )
    ESME_RINVPASWD = 0x00E, "The password is wrong or badly formed."
    ESME_RINVSYSID = 0x00F, "The system_id is unknown or badly formed."
    ESME_RCANCELFAIL = 0x011, "cancel_sm failed."
    ESME_RREPLACEFAIL = 0x013, "replace_sm failed."
    ESME_RMSGQFUL = 0x014, "A message queue limit is reached."
    ESME_RINVSERTYP = 0x015, "Bad service_type."
    ESME_RINVNUMDESTS = 0x033, "Bad number_of_dests."
    ESME_RINVDLNAME = 0x034, "Bad or unknown distribution list name."
    ESME_RINVDESTFLAG = 0x040, "Bad dest_flag in submit_multi."
    ESME_RINVSUBREP = 0x042, "Replace-if-present was asked for where it cannot be used."
    ESME_RINVESMCLASS = 0x043, "Bad esm_class."
    ESME_RCNTSUBDL = 0x044, "Submission to a distribution list is not possible."
    ESME_RSUBMITFAIL = 0x045, "A submission failed for an unspecified reason."
    ESME_RINVSRCTON = 0x048, "Bad source TON."
    ESME_RINVSRCNPI = 0x049, "Bad source NPI."
    ESME_RINVDSTTON = 0x050, "Bad destination TON."
    ESME_RINVDSTNPI = 0x051, "Bad destination NPI."
    ESME_RINVSYSTYP = 0x053, "Bad system_type."
    ESME_RINVREPFLAG = 0x054, "Bad replace_if_present_flag."
    ESME_RINVNUMMSGS = 0x055, "Bad number of messages."
    ESME_RTHROTTLED = 0x058, "The peer exceeds its allowed message rate."
    ESME_RINVSCHED = 0x061, "Bad schedule_delivery_time."
    ESME_RINVEXPIRY = 0x062, "Bad validity_period."
    ESME_RINVDFTMSGID = 0x063, "Bad or unknown predefined message id."
    ESME_RX_T_APPN = 0x064, "The receiving ESME failed for now; the message should be retried."
    ESME_RX_P_APPN = (
        0x065,
        "The receiving ESME failed for good; no more retries for this destination.",
    )
    ESME_RX_R_APPN = 0x066, "The receiving ESME rejects this one message; it should not be retried."
    ESME_RQUERYFAIL = 0x067, "query_sm failed."
    ESME_RINVOPTPARSTREAM = (
        0x0C0,
        "The TLV part cannot be parsed (1 to 3 octets left over, or a length beyond the PDU).",
    )
    ESME_ROPTPARNOTALLWD = 0x0C1, "A TLV is not allowed here."
    ESME_RINVPARLEN = 0x0C2, "A parameter or TLV has a bad length."
    ESME_RMISSINGOPTPARAM = 0x0C3, "A TLV that this operation needs is absent."
    ESME_RINVOPTPARAMVAL = 0x0C4, "A TLV has a bad value."
    ESME_RDELIVERYFAILURE = 0x0FE, "Transaction-mode delivery failed."
    ESME_RUNKNOWNERR = 0x0FF, "Unspecified error."
    ESME_RSERTYPUNAUTH = 0x100, "The ESME may not use this service_type."
    ESME_RPROHIBITED = 0x101, "The ESME may not use this operation."
    ESME_RSERTYPUNAVAIL = 0x102, "This service_type is out of service."
    ESME_RSERTYPDENIED = 0x103, "This service_type is refused because of the message content."
    ESME_RINVDCS = 0x104, "Bad or unsupported data_coding."
    ESME_RINVSRCADDRSUBUNIT = 0x105, "Bad source_addr_subunit."
    ESME_RINVDSTADDRSUBUNIT = 0x106, "Bad dest_addr_subunit."
    ESME_RINVBCASTFREQINT = 0x107, "Bad broadcast_frequency_interval."
    ESME_RINVBCASTALIAS_NAME = 0x108, "Bad broadcast area alias."
    ESME_RINVBCASTAREAFMT = 0x109, "Bad broadcast area format."
    ESME_RINVNUMBCAST_AREAS = 0x10A, "Bad number of broadcast areas."
    ESME_RINVBCASTCNTTYPE = 0x10B, "Bad broadcast_content_type."
    ESME_RINVBCASTMSGCLASS = 0x10C, "Bad broadcast_message_class."
    ESME_RBCASTFAIL = 0x10D, "broadcast_sm failed."
    ESME_RBCASTQUERYFAIL = 0x10E, "query_broadcast_sm failed."
    ESME_RBCASTCANCELFAIL = 0x10F, "cancel_broadcast_sm failed."
    ESME_RINVBCAST_REP = 0x110, "Bad broadcast_rep_num."
    ESME_RINVBCASTSRVGRP = 0x111, "Bad broadcast_service_group."
    ESME_RINVBCASTCHANIND = 0x112, "Bad broadcast_channel_indicator."

    # The names of SMPP 5.0 for codes that 3.4 called otherwise.
    ESME_RINVTLVSTREAM = ESME_RINVOPTPARSTREAM
    ESME_RTLVNOTALLWD = ESME_ROPTPARNOTALLWD
    ESME_RINVTLVLEN = ESME_RINVPARLEN
    ESME_RMISSINGTLV = ESME_RMISSINGOPTPARAM
    ESME_RINVTLVVAL = ESME_RINVOPTPARAMVAL
