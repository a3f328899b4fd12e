"""The ESME role: a service that stays bound to a message centre."""

from twisted_smpp.esme.service import ESMEService

__all__ = ["ESMEService"]
