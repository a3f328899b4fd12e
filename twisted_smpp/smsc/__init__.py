"""The SMSC role: a service that ESMEs bind to."""

from twisted_smpp.smsc.account import Account, AccountRealm
from twisted_smpp.smsc.accounts import Accounts, AccountsError, AccountSettings
from twisted_smpp.smsc.checking import AccountsFile
from twisted_smpp.smsc.defence import Defence, DefenceLimits
from twisted_smpp.smsc.policy import Policy
from twisted_smpp.smsc.service import SMSCService

__all__ = [
    "Account",
    "AccountRealm",
    "AccountSettings",
    "Accounts",
    "AccountsError",
    "AccountsFile",
    "Defence",
    "DefenceLimits",
    "Policy",
    "SMSCService",
]
