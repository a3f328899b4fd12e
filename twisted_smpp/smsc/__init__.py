"""The SMSC role: a service that ESMEs bind to, and the messages that it keeps."""

from twisted_smpp.smsc.account import Account, AccountRealm
from twisted_smpp.smsc.centre import Keeping, MessageCentre
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.routes import Route, RouteKind, Routes
from twisted_smpp.smsc.service import SMSCService
from twisted_smpp.smsc.submitted import Submitted

__all__ = [
    "Account",
    "AccountRealm",
    "Customer",
    "Keeping",
    "MessageCentre",
    "Route",
    "RouteKind",
    "Routes",
    "SMSCService",
    "Submitted",
]
