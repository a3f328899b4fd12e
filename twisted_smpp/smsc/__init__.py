"""The SMSC role: a service that ESMEs bind to, and the messages that it keeps."""

from twisted_smpp.smsc.centre import MessageCentre
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.paging import Pager
from twisted_smpp.smsc.routes import Route, RouteKind, Routes
from twisted_smpp.smsc.service import SMSCService
from twisted_smpp.smsc.submitted import Submitted
from twisted_smpp.smsc.terms import Keeping, Terms

__all__ = [
    "Customer",
    "Keeping",
    "MessageCentre",
    "Pager",
    "Route",
    "RouteKind",
    "Routes",
    "SMSCService",
    "Submitted",
    "Terms",
]
