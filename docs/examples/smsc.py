"""A message centre whose accounts are decided by your own code.

    twistd --nodaemon --python smsc.py

listens on port 2775 of this machine. Every message is printed, and refused when it goes
to an address that does not start with 49.
"""

from twisted.application.service import Application
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor

from twisted_smpp import Account, AccountRealm, CommandStatus, RequestRefused, SMSCService
from twisted_smpp.text import Part


class GermanAccount(Account):
    """Accepts what goes to Germany."""

    def submit_sm(self, session, request):
        if not request.destination_addr.startswith("49"):
            raise RequestRefused(CommandStatus.ESME_RINVDSTADR)
        print(Part.of(request).decode().text, flush=True)
        return super().submit_sm(session, request)


checker = InMemoryUsernamePasswordDatabaseDontUse(smppclient1=b"password")
portal = Portal(AccountRealm(reactor, make=GermanAccount), [checker])
service = SMSCService("tcp:2775:interface=127.0.0.1", portal)

application = Application("message centre")
service.setServiceParent(application)
