"""The standard's enumerations, open for values that it reserves.

Fields of a PDU are plain ``int`` (building an enumeration member for each would cost
more than reading the field); these classes name them, in ``repr``, in the reference
and in code that reads better for it::

    >>> TON.ALPHANUMERIC == 5
    True
    >>> TON(9)
    <TON.RESERVED_9: 9>

A value that the standard reserves is never an error: it becomes a member of its own,
which compares and prints but is not kept, so that a peer cannot make the tables grow.
:class:`Bits` does the same for octets that pack several fields.

Source: SMPP 5.0, chapter 4.7 and 4.8; SMPP 3.4, chapter 5.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

__all__ = [
    "NPI",
    "TON",
    "AddrSubunit",
    "AlertOnMessageDelivery",
    "BearerType",
    "BindMode",
    "Bits",
    "BroadcastAreaFormat",
    "BroadcastChannelIndicator",
    "BroadcastContentType",
    "BroadcastFrequencyUnit",
    "BroadcastMessageClass",
    "BroadcastNetwork",
    "CallbackNumPresInd",
    "CongestionState",
    "DataCoding",
    "DeliveryFailureReason",
    "DestAddrNpResolution",
    "DestFlag",
    "DisplayTime",
    "DpfResult",
    "EsmClass",
    "InterfaceVersion",
    "ItsReplyType",
    "LanguageIndicator",
    "MessageState",
    "MoreMessagesToSend",
    "MsAvailabilityStatus",
    "MsMsgWaitFacilities",
    "MsValidity",
    "NetworkErrorCodeType",
    "NetworkType",
    "OpenEnum",
    "PayloadType",
    "PrivacyIndicator",
    "RegisteredDelivery",
    "ReplaceIfPresentFlag",
    "SetDpf",
    "SubaddressType",
    "UssdServiceOp",
]


class OpenEnum(IntEnum):
    """An ``IntEnum`` that has a member for any unsigned 32-bit value."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF:
            return None
        member = int.__new__(cls, value)
        member._value_ = value
        member._name_ = f"RESERVED_{value}"
        return member


class Bits(int):
    """An octet made of several fields.

    ``masks`` lists the fields; each constant of a subclass is a value of the field whose
    mask covers it. :attr:`name` joins what is set, so that 0x44 of :class:`EsmClass`
    reads ``MC_DELIVERY_RECEIPT|UDHI``.
    """

    masks: ClassVar[tuple[int, ...]] = ()
    _names: ClassVar[dict[int, dict[int, str]]] = {}

    def __init_subclass__(cls) -> None:
        constants = {value: name for name, value in vars(cls).items() if name.isupper()}
        cls._names = {
            mask: {value: name for value, name in constants.items() if not value & ~mask}
            for mask in cls.masks
        }

    @property
    def name(self) -> str:
        """The names of the fields that are not zero, joined by ``|``."""
        parts, left = [], int(self)
        for mask, names in self._names.items():
            value = self & mask
            left &= ~mask
            if value:
                parts.append(names.get(value, f"{value:#04x}"))
        if left:
            parts.append(f"{left:#04x}")
        return "|".join(parts) or "0"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {int(self):#04x}>"


class InterfaceVersion(OpenEnum):
    """Version of the protocol that a side speaks (SMPP 5.0, 4.7).

    Values below 0x34 mean 3.3 or earlier: no TLVs, message ids of at most 8 characters.
    """

    V3_3 = 0x33
    V3_4 = 0x34
    V5_0 = 0x50

    @classmethod
    def of(cls, value: int) -> InterfaceVersion:
        """The version whose rules apply to a peer that announces ``value``."""
        if value < cls.V3_4:
            return cls.V3_3
        return cls.V3_4 if value < cls.V5_0 else cls.V5_0

    @property
    def text(self) -> str:
        """The version as people write it: ``"3.4"``."""
        return f"{self >> 4}.{self & 15}"


class TON(OpenEnum):
    """Type of number of an address (SMPP 5.0, 4.7)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER_NUMBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6


class NPI(OpenEnum):
    """Numbering plan indicator of an address (SMPP 5.0, 4.7)."""

    UNKNOWN = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    LAND_MOBILE = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10
    INTERNET_IP = 14
    WAP_CLIENT_ID = 18


class BindMode(OpenEnum):
    """The three ways to bind; the value is the command_id of the bind request (SMPP 5.0, 4.1.1)."""

    RECEIVER = 1
    TRANSMITTER = 2
    TRANSCEIVER = 9


class ReplaceIfPresentFlag(OpenEnum):
    """Whether a message replaces an earlier one (SMPP 5.0, 4.7)."""

    NO = 0
    YES = 1


class DestFlag(OpenEnum):
    """Kind of one destination of a submit_multi (SMPP 5.0, 4.7)."""

    SME_ADDRESS = 1
    DISTRIBUTION_LIST_NAME = 2


class MessageState(OpenEnum):
    """State of a message at the message centre (SMPP 5.0, 4.7)."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9


class NetworkErrorCodeType(OpenEnum):
    """First octet of the TLV network_error_code (SMPP 5.0, 4.8)."""

    ANSI_136_ACCESS_DENIED_REASON = 1
    IS_95_ACCESS_DENIED_REASON = 2
    GSM = 3
    ANSI_136_CAUSE_CODE = 4
    IS_95_CAUSE_CODE = 5
    ANSI_41_ERROR = 6
    SMPP_ERROR = 7
    MC_SPECIFIC = 8


class AddrSubunit(OpenEnum):
    """Part of the mobile station a message is for or from (SMPP 5.0, 4.8)."""

    UNKNOWN = 0
    MS_DISPLAY = 1
    MOBILE_EQUIPMENT = 2
    SMART_CARD_1 = 3
    EXTERNAL_UNIT_1 = 4


class NetworkType(OpenEnum):
    """Kind of network (SMPP 5.0, 4.8)."""

    UNKNOWN = 0
    GSM = 1
    ANSI_136_TDMA = 2
    IS_95_CDMA = 3
    PDC = 4
    PHS = 5
    IDEN = 6
    AMPS = 7
    PAGING_NETWORK = 8


class BearerType(OpenEnum):
    """Kind of bearer (SMPP 5.0, 4.8)."""

    UNKNOWN = 0
    SMS = 1
    CIRCUIT_SWITCHED_DATA = 2
    PACKET_DATA = 3
    USSD = 4
    CDPD = 5
    DATATAC = 6
    FLEX_REFLEX = 7
    CELL_BROADCAST = 8


class PayloadType(OpenEnum):
    """What the message_payload holds (SMPP 5.0, 4.8)."""

    DEFAULT = 0
    WCMP = 1


class PrivacyIndicator(OpenEnum):
    """Privacy level of a message (SMPP 5.0, 4.8)."""

    NOT_RESTRICTED = 0
    RESTRICTED = 1
    CONFIDENTIAL = 2
    SECRET = 3


class SubaddressType(OpenEnum):
    """First octet of a subaddress TLV (SMPP 5.0, 4.8)."""

    NSAP_EVEN = 128
    NSAP_ODD = 136
    USER_SPECIFIED = 160


class LanguageIndicator(OpenEnum):
    """Language of the text (SMPP 5.0, 4.8)."""

    UNSPECIFIED = 0
    ENGLISH = 1
    FRENCH = 2
    SPANISH = 3
    GERMAN = 4
    PORTUGUESE = 5


class DisplayTime(OpenEnum):
    """When the mobile station shows the message (SMPP 5.0, 4.8)."""

    TEMPORARY = 0
    DEFAULT = 1
    INVOKE = 2


class MsValidity(OpenEnum):
    """How long a mobile station keeps the message (SMPP 5.0, 4.8)."""

    STORE_INDEFINITELY = 0
    POWER_DOWN = 1
    REGISTRATION_AREA_CHANGE = 2
    DISPLAY_ONLY = 3
    RELATIVE_TIME_PERIOD = 4


class DpfResult(OpenEnum):
    """Whether the delivery pending flag was set (SMPP 5.0, 4.8)."""

    NOT_SET = 0
    SET = 1


class SetDpf(OpenEnum):
    """Whether the delivery pending flag is asked for (SMPP 5.0, 4.8)."""

    NOT_REQUESTED = 0
    REQUESTED = 1


class MsAvailabilityStatus(OpenEnum):
    """Whether the mobile station can be reached (SMPP 5.0, 4.8)."""

    AVAILABLE = 0
    DENIED = 1
    UNAVAILABLE = 2


class DeliveryFailureReason(OpenEnum):
    """Why a delivery failed (SMPP 5.0, 4.8)."""

    DESTINATION_UNAVAILABLE = 0
    DESTINATION_ADDRESS_INVALID = 1
    PERMANENT_NETWORK_ERROR = 2
    TEMPORARY_NETWORK_ERROR = 3


class MoreMessagesToSend(OpenEnum):
    """Whether more messages follow for the destination (SMPP 5.0, 4.8)."""

    NO_MORE = 0
    MORE = 1


class AlertOnMessageDelivery(OpenEnum):
    """How the mobile station alerts its user (SMPP 5.0, 4.8)."""

    MOBILE_DEFAULT = 0
    LOW_PRIORITY = 1
    MEDIUM_PRIORITY = 2
    HIGH_PRIORITY = 3


class ItsReplyType(OpenEnum):
    """What reply an interactive teleservice wants (SMPP 5.0, 4.8)."""

    DIGIT = 0
    NUMBER = 1
    TELEPHONE_NO = 2
    PASSWORD = 3
    CHARACTER_LINE = 4
    MENU = 5
    DATE = 6
    TIME = 7
    CONTINUE = 8


class UssdServiceOp(OpenEnum):
    """USSD operation (SMPP 5.0, 4.8)."""

    PSSD_INDICATION = 0
    PSSR_INDICATION = 1
    USSR_REQUEST = 2
    USSN_REQUEST = 3
    PSSD_RESPONSE = 16
    PSSR_RESPONSE = 17
    USSR_CONFIRM = 18
    USSN_CONFIRM = 19


class BroadcastChannelIndicator(OpenEnum):
    """Cell broadcast channel (SMPP 5.0, 4.8)."""

    BASIC = 0
    EXTENDED = 1


class BroadcastAreaFormat(OpenEnum):
    """First octet of broadcast_area_identifier (SMPP 5.0, 4.8)."""

    ALIAS_NAME = 0
    ELLIPSOID_ARC = 1
    POLYGON = 2


class BroadcastFrequencyUnit(OpenEnum):
    """First octet of broadcast_frequency_interval (SMPP 5.0, 4.8)."""

    AS_FREQUENTLY_AS_POSSIBLE = 0
    SECONDS = 8
    MINUTES = 9
    HOURS = 10
    DAYS = 11
    WEEKS = 12
    MONTHS = 13
    YEARS = 14


class BroadcastMessageClass(OpenEnum):
    """Class of a broadcast message (SMPP 5.0, 4.8)."""

    NONE = 0
    CLASS_1_USER_DEFINED = 1
    CLASS_2_USER_DEFINED = 2
    CLASS_3_TERMINAL_EQUIPMENT = 3


class DestAddrNpResolution(OpenEnum):
    """Whether number portability was resolved (SMPP 5.0, 4.8)."""

    NOT_QUERIED = 0
    QUERIED_NOT_PORTED = 1
    QUERIED_PORTED = 2


class DataCoding(OpenEnum):
    """The SMPP table of data_coding (SMPP 5.0, 4.7.7); GSM groups start at 0xC0."""

    MC_DEFAULT = 0x00
    ASCII = 0x01
    OCTETS_2 = 0x02
    LATIN_1 = 0x03
    OCTETS = 0x04
    JIS = 0x05
    CYRILLIC = 0x06
    LATIN_HEBREW = 0x07
    UCS2 = 0x08
    PICTOGRAM = 0x09
    ISO_2022_JP = 0x0A
    EXTENDED_KANJI_JIS = 0x0D
    KS_C_5601 = 0x0E


class BroadcastNetwork(OpenEnum):
    """First octet of broadcast_content_type (SMPP 5.0, 4.8)."""

    GENERIC = 0
    GSM = 1
    TDMA = 2
    CDMA = 3


class BroadcastContentType(OpenEnum):
    """The generic content types of a broadcast (SMPP 5.0, 4.8)."""

    INDEX = 0x0000
    EMERGENCY_BROADCASTS = 0x0001
    IRDB_DOWNLOAD = 0x0002
    NEWS_FLASHES = 0x0010
    GENERAL_NEWS_LOCAL = 0x0011
    GENERAL_NEWS_REGIONAL = 0x0012
    GENERAL_NEWS_NATIONAL = 0x0013
    GENERAL_NEWS_INTERNATIONAL = 0x0014
    BUSINESS_NEWS_LOCAL = 0x0015
    BUSINESS_NEWS_REGIONAL = 0x0016
    BUSINESS_NEWS_NATIONAL = 0x0017
    BUSINESS_NEWS_INTERNATIONAL = 0x0018
    SPORTS_NEWS_LOCAL = 0x0019
    SPORTS_NEWS_REGIONAL = 0x001A
    SPORTS_NEWS_NATIONAL = 0x001B
    SPORTS_NEWS_INTERNATIONAL = 0x001C
    ENTERTAINMENT_NEWS_LOCAL = 0x001D
    ENTERTAINMENT_NEWS_REGIONAL = 0x001E
    ENTERTAINMENT_NEWS_NATIONAL = 0x001F
    ENTERTAINMENT_NEWS_INTERNATIONAL = 0x0020
    MEDICAL_HEALTH_HOSPITALS = 0x0021
    DOCTORS = 0x0022
    PHARMACY = 0x0023
    LOCAL_TRAFFIC = 0x0030
    LONG_DISTANCE_TRAFFIC = 0x0031
    TAXIS = 0x0032
    WEATHER = 0x0033
    LOCAL_FLIGHT_SCHEDULES = 0x0034
    RESTAURANTS = 0x0035
    LODGINGS = 0x0036
    RETAIL_DIRECTORY = 0x0037
    ADVERTISEMENTS = 0x0038
    STOCK_QUOTES = 0x0039
    EMPLOYMENT = 0x0040
    TECHNOLOGY_NEWS = 0x0041
    DISTRICT_BASE_STATION = 0x0070
    NETWORK_INFORMATION = 0x0071
    OPERATOR_SERVICES = 0x0080
    DIRECTORY_ENQUIRIES_NATIONAL = 0x0081
    DIRECTORY_ENQUIRIES_INTERNATIONAL = 0x0082
    CUSTOMER_CARE_NATIONAL = 0x0083
    CUSTOMER_CARE_INTERNATIONAL = 0x0084
    LOCAL_DATE_TIME_TIME_ZONE = 0x0085
    MULTI_CATEGORY = 0x0100


class EsmClass(Bits):
    """Message mode, type and GSM features (SMPP 5.0, 4.7.12)."""

    masks = (0x03, 0x3C, 0x40, 0x80)

    DATAGRAM = 0x01
    FORWARD = 0x02
    STORE_AND_FORWARD = 0x03
    MC_DELIVERY_RECEIPT = 0x04
    DELIVERY_ACKNOWLEDGEMENT = 0x08
    USER_ACKNOWLEDGEMENT = 0x10
    CONVERSATION_ABORT = 0x18
    INTERMEDIATE_NOTIFICATION = 0x20
    UDHI = 0x40
    REPLY_PATH = 0x80


class RegisteredDelivery(Bits):
    """Which receipts and acknowledgements are asked for (SMPP 5.0, 4.7.21)."""

    masks = (0x03, 0x0C, 0x10)

    RECEIPT = 0x01
    RECEIPT_ON_FAILURE = 0x02
    RECEIPT_ON_SUCCESS = 0x03
    SME_DELIVERY_ACK = 0x04
    SME_USER_ACK = 0x08
    SME_BOTH_ACKS = 0x0C
    INTERMEDIATE = 0x10


class MsMsgWaitFacilities(Bits):
    """Indication of waiting messages (SMPP 5.0, 4.8)."""

    masks = (0x80, 0x03)

    ACTIVE = 0x80
    FAX = 0x01
    ELECTRONIC_MAIL = 0x02
    OTHER = 0x03


class CallbackNumPresInd(Bits):
    """Presentation and screening of a callback number (SMPP 5.0, 4.8)."""

    masks = (0x0C, 0x03)

    RESTRICTED = 0x04
    NUMBER_NOT_AVAILABLE = 0x08
    VERIFIED_PASSED = 0x01
    VERIFIED_FAILED = 0x02
    NETWORK_PROVIDED = 0x03


class CongestionState(OpenEnum):
    """Load of the message centre in percent (SMPP 5.0, 4.8); the names start each band."""

    IDLE = 0
    LOW_LOAD = 1
    MEDIUM_LOAD = 30
    HIGH_LOAD = 50
    OPTIMUM_LOAD = 80
    NEARING_CONGESTION = 90
    CONGESTED = 100
