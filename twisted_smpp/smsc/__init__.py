"""The SMSC role: a service that ESMEs bind to."""

from twisted_smpp.smsc.account import Account, AccountRealm
from twisted_smpp.smsc.service import SMSCService

__all__ = ["Account", "AccountRealm", "SMSCService"]
