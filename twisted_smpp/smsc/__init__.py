"""The SMSC role: a service that ESMEs bind to, and the messages that it keeps."""

from twisted_smpp.smsc.accounts import Accounts, AccountsError, AccountSettings
from twisted_smpp.smsc.centre import MessageCentre
from twisted_smpp.smsc.checking import AccountsFile
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.defence import Defence, DefenceLimits
from twisted_smpp.smsc.paging import Pager
from twisted_smpp.smsc.policy import Policy
from twisted_smpp.smsc.routes import Route, RouteKind, Routes
from twisted_smpp.smsc.service import SMSCService
from twisted_smpp.smsc.submitted import Submitted
from twisted_smpp.smsc.terms import Keeping, Terms

__all__ = [
    "AccountSettings",
    "Accounts",
    "AccountsError",
    "AccountsFile",
    "Customer",
    "Defence",
    "DefenceLimits",
    "Keeping",
    "MessageCentre",
    "Pager",
    "Policy",
    "Route",
    "RouteKind",
    "Routes",
    "SMSCService",
    "Submitted",
    "Terms",
]
