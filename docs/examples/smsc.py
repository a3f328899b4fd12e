"""A message centre whose accounts are decided by your own code.

    twistd --nodaemon --python smsc.py

listens on port 2775 of this machine. Every message is printed, and refused when it goes
to an address that does not start with 49.
"""

from twisted.application.service import Application
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from zope.interface import implementer

from twisted_smpp import (
    CommandStatus,
    Customer,
    MessageCentre,
    RequestRefused,
    Route,
    RouteKind,
    Routes,
    SMSCService,
)
from twisted_smpp.interfaces import IMessageSink


class GermanCustomer(Customer):
    """Accepts what goes to Germany."""

    def submit_sm(self, session, request):
        if not request.destination_addr.startswith("49"):
            raise RequestRefused(CommandStatus.ESME_RINVDSTADR)
        return super().submit_sm(session, request)


@implementer(IMessageSink)
class Printer:
    """Delivers messages to the screen."""

    def deliver(self, message):
        print(message.part.decode().text, flush=True)


centre = MessageCentre(
    routes=Routes(Route(RouteKind.SINK, "printer")),
    sinks={"printer": Printer()},
    make=GermanCustomer,
)
checker = InMemoryUsernamePasswordDatabaseDontUse(smppclient1=b"password")
service = SMSCService("tcp:2775:interface=127.0.0.1", Portal(centre, [checker]))

application = Application("message centre")
centre.setServiceParent(application)
service.setServiceParent(application)
