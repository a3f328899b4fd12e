"""What the pages of the outbox and of the control socket show is run."""

import json

from outbox_kit import Process
from store_kit import World
from test_cli_control import HELD
from test_control import Daemon
from test_docs_esme import HOWTO, codes, names_of
from twisted.internet.defer import Deferred

from twisted_smpp import Outbox, Progress
from twisted_smpp.testing import success

REFERENCE = HOWTO.parent / "reference"


def test_messages_that_survive_the_process(tmp_path, capsys):
    names = names_of("outbox.md")
    before = Process(World(tmp_path / "store")).start()
    sent = Deferred.fromCoroutine(names["notify"](before.service, "17"))
    assert not sent.called
    before.settle()
    assert success(sent).progress is Progress.QUEUED

    after = before.crash()
    after.outbox._on_recovered = names["goes_on"]
    started = Deferred.fromCoroutine(names["start"](after.service, after.outbox))
    after.bind()
    assert success(started) is None
    after.receipt("A1")
    after.settle()

    lines = ["order 17 goes on", "1 messages of before go on", "order 17: DELIVERED"]
    assert capsys.readouterr().out.splitlines() == lines
    after.stop()


def test_the_service_of_the_page_has_its_outbox(tmp_path):
    process = Process(World(tmp_path / "store"))
    endpoint = process.world.endpoint

    service, store = names_of("outbox.md")["make_service"](
        endpoint, "pw", str(tmp_path / "shop.db"), reactor=process.steps.clock
    )

    assert isinstance(service.outbox, Outbox)
    assert service.outbox.store is store
    store._connection.close()
    store._file.release()
    store._pool.stop()
    process.stores.abandon()


def test_the_lines_of_the_control_socket(tmp_path):
    text = (REFERENCE / "control.md").read_text("utf-8")
    request, stored, refused, event, held, _of_a_centre = [
        json.loads(code) for code in codes("../reference/control.md", "json")
    ]
    daemon = Daemon(tmp_path / "store")
    client = daemon.connect()
    client.ask(**request)
    (answer,) = client.answers()
    assert answer == {**stored, "number": answer["number"]}
    client.ask(id=1, to="4917")
    assert client.read() == [refused]
    client.ask(follow=True)
    client.read()
    daemon.process.bind()
    (heard,) = client.answers()
    assert heard == {**event, "number": answer["number"]}
    client.ask(status=True)
    assert set(client.read()[0]["status"]) == {
        "parts",
        "held",
        "links",
        "recovered",
        "put_aside",
    }
    assert set(held["held"][0]) - {"error", "key"} <= set(HELD)
    for field in ("to", "text", "source", "receipt", "validity", "key", "id"):
        assert f"| `{field}` |" in text
    daemon.process.stop()
