"""A web server that sends SMS: an HTTP endpoint and an ESME in one process.

    twistd --nodaemon --python web.py

    curl -d to=491761234567 -d text='Your parcel is here' http://127.0.0.1:8080/messages
    curl http://127.0.0.1:8080/

It takes the password of the ESME from the file password.txt.
"""

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.defer import TimeoutError
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from twisted_smpp import ESMEService, SendFailed, WindowFull

ESME = "tcp:127.0.0.1:2775"
HTTP = "tcp:8080:interface=127.0.0.1"
SECONDS = 20  # that a client waits for its answer


def answer(request, code, **body):
    request.setResponseCode(code)
    request.setHeader(b"content-type", b"application/json")
    return json.dumps(body).encode() + b"\n"


class Messages(Resource):
    """``POST to=...&text=...`` sends a message, and answers when the message centre has it."""

    isLeaf = True

    def __init__(self, esme, clock):
        super().__init__()
        self.esme = esme
        self.clock = clock

    def render_POST(self, request):
        try:
            to, text = (request.args[name][0].decode() for name in (b"to", b"text"))
            message = self.esme.send(to, text, source="Shop", validity=timedelta(hours=4))
        except KeyError as error:
            return answer(request, 400, error=f"{error.args[0].decode()} is missing")
        except ValueError as error:
            return answer(request, 400, error=str(error))
        except WindowFull as error:
            return answer(request, 503, error=str(error))

        gone = []
        request.notifyFinish().addErrback(gone.append)

        def sent(message):
            return answer(request, 200, ids=message.message_ids)

        def not_sent(failure):
            if failure.check(TimeoutError):  # it waits, and goes out when there is a link
                return answer(request, 202, progress=message.progress.name)
            failure.trap(SendFailed)
            return answer(request, 502, error=failure.getErrorMessage())

        def finish(body):
            if not gone:
                request.write(body)
                request.finish()

        submitted = message.submitted.addTimeout(SECONDS, self.clock)
        submitted.addCallbacks(sent, not_sent).addCallback(finish)
        return NOT_DONE_YET


class Status(Resource):
    """``GET`` tells how the link is doing: 200 while it is bound, else 503."""

    isLeaf = True

    def __init__(self, esme):
        super().__init__()
        self.esme = esme

    def render_GET(self, request):
        code = 503 if self.esme.session is None else 200
        figures = asdict(self.esme.figures())
        return answer(request, code, link=self.esme.change.reason, **figures)


def make_site(esme, clock, **settings):
    root = Resource()
    root.putChild(b"", Status(esme))
    root.putChild(b"messages", Messages(esme, clock))
    return Site(root, reactor=clock, **settings)


def password():
    return Path("password.txt").read_text().strip()


application = Application("web")
esme = ESMEService(ESME, "smppclient1", password)
esme.setServiceParent(application)
web = StreamServerEndpointService(serverFromString(reactor, HTTP), make_site(esme, reactor))
web.setServiceParent(application)
