"""The ESME role: services that stay bound to a message centre, send and receive."""

from twisted_smpp.esme.addresses import Address
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.figures import LinkFigures
from twisted_smpp.esme.link import Link, LinkChange, LinkState
from twisted_smpp.esme.message import Message, MessagePart, Progress, SendFailed
from twisted_smpp.esme.outbind import OutbindEndpoint
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.esme.pool import ESMEPool
from twisted_smpp.esme.pool_link import PoolLink
from twisted_smpp.esme.profile import Profile, ProfileError
from twisted_smpp.esme.receiving import Received
from twisted_smpp.esme.retries import Retries, RetryClass
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.esme.service import ESMEService

__all__ = [
    "Address",
    "Confirming",
    "ESMEPool",
    "ESMEService",
    "Link",
    "LinkChange",
    "LinkFigures",
    "LinkState",
    "Message",
    "MessagePart",
    "OutbindEndpoint",
    "Outbox",
    "PoolLink",
    "Profile",
    "ProfileError",
    "Progress",
    "Received",
    "Retries",
    "RetryClass",
    "SendFailed",
    "Sending",
    "UnknownPolicy",
]
