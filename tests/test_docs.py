"""What the documentation shows is run."""

import dataclasses
import doctest
import importlib
import inspect
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from esme_kit import Endpoint, ServiceWorld
from probe_kit import World
from test_cli_probe import Command
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from twisted_smpp import AccountSettings, DefenceLimits, DeliverSM, MessageState
from twisted_smpp.cli.main import main
from twisted_smpp.daemon.tap import SMSCOptions
from twisted_smpp.esme.profile import Profile
from twisted_smpp.esme.receiving import Received
from twisted_smpp.factory import BIND_MODES
from twisted_smpp.smsc.accounts import MESSAGE_IDS, OPERATIONS, Accounts
from twisted_smpp.testing import connect, success
from twisted_smpp.text import (
    STAT,
    Concatenation,
    Language,
    LockingShift,
    MessageIds,
    Method,
    Ports,
    Reassembly,
    Receipt,
    References,
    SingleShift,
    TextRules,
    UserDataHeader,
    join,
    plan,
)
from twisted_smpp.text.message_id import STRATEGIES

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"]
MODULES = ["twisted_smpp.status", "twisted_smpp.values"]


WITH_PROMPTS = [page for page in PAGES if ">>>" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", WITH_PROMPTS, ids=lambda page: page.name)
def test_page_says_what_python_prints(page):
    # A fence ends the expected output, which doctest knows by a blank line only.
    text = re.sub(r"^ *```.*$", "", page.read_text("utf-8"), flags=re.M)
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner()

    runner.run(example)

    assert runner.tries > 0
    assert runner.failures == 0


def shell_examples():
    """Each ``$ smpp text`` and ``$ smpp decode`` of a page, with what it prints there."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            for example in re.split(r"^\$ ", block, flags=re.M):
                command, _, output = example.partition("\n")
                if re.match("smpp (text|decode) ", command):
                    name = f"{page.name}: {command[:40]}"
                    found.append(pytest.param(command, output, id=name))
    return found


@pytest.mark.parametrize(("command", "output"), shell_examples())
def test_page_says_what_a_command_prints(command, output):
    done = CliRunner().invoke(main, shlex.split(command)[1:])

    assert done.exit_code == 0
    assert doctest.OutputChecker().check_output(output, done.output, doctest.ELLIPSIS), done.output


def commands(group):
    """The commands of a group, and those of the groups in it."""
    for command in group.commands.values():
        yield from commands(command) if hasattr(command, "commands") else [command]


@pytest.mark.parametrize("command", list(commands(main)), ids=lambda command: command.name)
def test_command_line_page_has_every_option(command):
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    for option in command.params:
        for switch in (*option.opts, *option.secondary_opts):
            assert not switch.startswith("-") or f"`{switch}`" in page


def test_command_line_page_has_every_option_of_the_message_centre():
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    for name in [*(each[0] for each in SMSCOptions.optParameters), "proxy", "auth", "listen"]:
        assert f"| `--{name}` |" in page or f"| `--{name}`, `-" in page


def test_accounts_page_has_every_key_and_its_file_can_be_used():
    page = (ROOT / "docs/reference/accounts-file.md").read_text("utf-8")
    keys = {field.name for field in dataclasses.fields(AccountSettings)} - {"system_id"}

    assert {row[0] for row in table("docs/reference/accounts-file.md", "key")} == keys
    (code,) = code_of("docs/howto/accounts.md", "toml")
    accounts = Accounts.parse(code)
    assert list(accounts) == ["shop", "bank"]
    assert accounts["shop"].rate == 20
    assert accounts["bank"].max_binds == 4
    assert all(f"`{each}`" in page for each in (*OPERATIONS, *MESSAGE_IDS, *BIND_MODES))


def test_accounts_page_has_the_limits_of_the_defence():
    page = (ROOT / "docs/howto/accounts.md").read_text("utf-8")
    rows = {row[0]: float(row[1]) for row in table("docs/howto/accounts.md", "limit")}

    assert rows == {each.name: float(each.default) for each in dataclasses.fields(DefenceLimits)}, (
        page
    )


@pytest.mark.parametrize("name", MODULES)
def test_docstring_says_what_python_prints(name):
    result = doctest.testmod(importlib.import_module(name))

    assert result.attempted > 0
    assert result.failed == 0


def example_tests():
    functions = runpy.run_path(str(ROOT / "docs/examples/test_gateway.py"))
    return [value for name, value in functions.items() if name.startswith("test_")]


@pytest.mark.parametrize("function", example_tests(), ids=lambda function: function.__name__)
def test_example_of_a_test_passes(function):
    function()


def links(page: Path) -> list[str]:
    return re.findall(r"`((?:docs|bench|tests)/[\w./-]+)`", page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    for name in links(page):
        assert "_build" in name or (ROOT / name).exists(), name


# Tables of the pages.


def table(page, header):
    """The rows of a table, as lists of cells without their backticks."""
    lines = (ROOT / page).read_text("utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


#: By the words of the page: the name in the reference data, and the elements of the header.
HEADERS = {
    "nothing": "none",
    "8-bit reference": "concat_8bit",
    "16-bit reference": "concat_16bit",
    "a national table": "single_shift",
    "two national tables": "single_and_locking_shift",
    "8-bit ports": "ports_8bit",
    "16-bit ports": "ports_16bit",
}
ELEMENTS = {
    "concat_8bit": [Concatenation(1, 2, 1)],
    "concat_16bit": [Concatenation(1, 2, 1, 16)],
    "single_shift": [SingleShift(1)],
    "single_and_locking_shift": [SingleShift(1), LockingShift(1)],
    "ports_8bit": [Ports(1, 2, 8)],
    "ports_16bit": [Ports(1, 2)],
}


CAPACITIES = table("docs/topics/long-messages.md", "in front of the text")


@pytest.mark.parametrize("row", CAPACITIES, ids=lambda row: row[0])
def test_capacities_are_those_of_the_standard(row):
    known = json.loads((ROOT / "tests/data/gsm0338.json").read_text("utf-8"))["capacity"]
    names = [HEADERS[words] for words in row[0].split(", ")]
    entry = next(each for each in known["per_part"] if each["udh"] == "+".join(names))
    header = [element for name in names for element in ELEMENTS.get(name, [])]

    columns = ("udh_octets", "gsm7_septets", "octets", "ucs2_characters")
    assert [int(cell) for cell in row[1:]] == [entry[column] for column in columns]
    assert len(UserDataHeader(tuple(header)).encode()) == (entry["udh_octets"] or 1)


def test_capacities_are_those_of_a_plan():
    rows = {row[0]: [int(cell) for cell in row[2:]] for row in CAPACITIES}
    for methods, words in {
        (Method.UDH_8, Method.PAYLOAD): "8-bit reference",
        (Method.UDH_16, Method.SAR): "16-bit reference",
    }.items():
        for method in methods:
            rules = TextRules(latin_1=True, method=method)
            plans = [plan(text, rules) for text in ("a" * 200, "á" * 200, "好" * 200)]
            assert [found.capacity for found in plans] == rows[words]
    turkish = TextRules(languages=(Language.TURKISH,))
    assert plan("ş", turkish).capacity == rows["a national table"][0]
    assert plan("ş" * 154, turkish).capacity == rows["a national table"][0]


def test_states_are_those_of_receipts():
    rows = table("docs/topics/receipts.md", "state")

    assert [(name, int(value)) for name, value, *_ in rows] == [
        (state.name, int(state)) for state in MessageState
    ]
    for name, _, word, final in rows:
        state = MessageState[name]
        assert word == STAT.get(state, "")
        assert final.startswith("yes") is Receipt("1", "", state).final


def test_strategies_are_those_there_are():
    assert [name for name, _ in table("docs/topics/receipts.md", "strategy")] == list(STRATEGIES)
    assert MessageIds().strategy == "learn"


def test_limits_are_those_of_a_reassembly():
    defaults = inspect.signature(Reassembly).parameters
    settings = [row[1] for row in table("docs/topics/long-messages.md", "when") if row[1]]

    assert {setting.split("=")[0] for setting in settings} == set(defaults)
    for setting in settings:
        name, value = setting.split("=")
        assert defaults[name].default == int(value)


# Programs.

LONG = "Your parcel is here. " * 9


def example(name):
    return runpy.run_path(str(ROOT / "docs/examples" / name))


def test_counters_outlive_the_process(tmp_path):
    Counters = example("counters.py")["Counters"]  # noqa: N806
    counters = Counters(tmp_path / "references.sqlite")
    first = References(counters).next("Shop", "491761234567")
    counters.close()

    counters = Counters(tmp_path / "references.sqlite")
    assert References(counters).next("Shop", "491761234567") == (first + 1) % 0x10000
    References(counters).next("Shop", "491767654321")
    assert len(counters) == 2
    del counters["Shop", "491761234567"]
    assert list(counters) == [("Shop", "491767654321")]
    with pytest.raises(KeyError):
        del counters["Shop", "491761234567"]
    counters.close()


def received(text, **more):
    known = {"octets": b"", "damaged": False, "data_coding": 0, "ports": None, "parts": ()}
    addresses = {"source": "491761234567", "destination": "1234"}
    return Received(**{**addresses, "text": text, "missing": (), "pdu": None, **known, **more})


def test_program_that_receives_shows_texts_and_gaps(capsys):
    show = example("receive.py")["show"]

    assert show(received(LONG)) is None
    show(received("Your", missing=(2, 3)))
    show(received(None, octets=bytes(5)))

    assert capsys.readouterr().out.splitlines() == [
        f"491761234567: {LONG!r}",
        "491761234567: 'Your' [part 2 is missing] [part 3 is missing]",
        "491761234567: 5 octets",
    ]


@pytest.fixture
def shop():
    """A pair that is bound, and what the message centre was sent."""
    taken = []

    def accept(session, request):
        taken.append(request)
        return request.answer(message_id=f"{len(taken):x}")

    pair = connect(on_request=accept)
    pair.bind()
    return pair, taken


def sent(pair, coroutine):
    deferred = Deferred.fromCoroutine(coroutine)
    pair.flush()
    return success(deferred)


def test_short_way_of_sending_long_texts(shop):
    pair, taken = shop
    page = (ROOT / "docs/howto/send-long-texts.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    names = {}
    exec(compile(code, "send-long-texts.md", "exec"), names)

    sent(pair, names["send_text"](pair.esme, "Shop", "491761234567", LONG))

    assert len(taken) == 2
    assert join(taken).text == LONG


def test_program_that_sends_long_texts_finds_its_receipts(shop, capsys):
    pair, taken = shop
    names = example("send_long.py")
    receipts = names["Receipts"]()
    early = Receipt.parse(b"id:1 stat:DELIVRD")
    receipts.receive(early)

    sending = names["send_text"](pair.esme, References(), receipts, "491761234567", LONG)
    first, second = sent(pair, sending)

    assert join(taken).text == LONG
    assert capsys.readouterr().out == "part 1 of 2 accepted as 1\npart 2 of 2 accepted as 2\n"
    assert success(first) is early
    receipts.receive(Receipt.parse(b"id:2 stat:ACCEPTD"))
    assert not second.called
    receipts.receive(Receipt.parse(b"id:2 stat:UNDELIV"))
    assert success(second).stat == "UNDELIV"


def code_of(page, language):
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_sending_messages_of_the_page(capsys):
    world = ServiceWorld()
    smsc = world.start()
    taken = []
    smsc._on_request = lambda session, pdu: taken.append(pdu) or pdu.answer(message_id="1a")
    names = {}
    for code in code_of("docs/howto/send-messages.md", "python"):
        exec(compile(code, "send-messages.md", "exec"), names)

    done = Deferred.fromCoroutine(names["notify"](world.service))
    world.flush()
    assert capsys.readouterr().out == "accepted as 1a\n"
    assert (taken[0].validity_period, taken[0].data_coding) == ("000000040000000R", 8)
    receipt = DeliverSM(esm_class=4, short_message=b"id:1a stat:DELIVRD")
    smsc.request(receipt)
    world.flush()

    assert success(done) is None
    assert capsys.readouterr().out == "it was delivered\n"
    assert names["sending"].retries.attempts == 3

    message = world.service.send("49176", "Hi")
    world.flush()
    smsc._on_request = lambda session, pdu: pdu.answer(message_id="1a", message_state=2)
    done = Deferred.fromCoroutine(names["settle"](world.service, message))
    world.flush()
    assert success(done).name == "DELIVERED"
    world.stopped(world.service.stopService())


def test_profile_of_the_page():
    (code,) = code_of("docs/howto/send-messages.md", "toml")
    profile = Profile.parse(code, "carrier.toml")

    assert (profile.ids, profile.text.default_alphabet) == ("hex to decimal", "latin-1")
    assert dict(profile.link) == {"window": 5, "rate": 20}
    assert profile.tlvs == {0x1400: b"1101"}


def test_what_the_page_says_a_probe_prints(capsys):
    page = (ROOT / "docs/howto/probe.md").read_text("utf-8")
    expected = re.search(r"^\$ smpp probe .*?\n(.*?)^```", page, re.M | re.S)[1]
    assert Command(own=True).code() == 0
    printed = re.sub(r" {2,}", "  ", capsys.readouterr().out)
    expected = re.sub(r" {2,}", "  ", expected)
    assert doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS), printed


def test_the_page_of_the_probe_counts_its_messages():
    page = (ROOT / "docs/howto/probe.md").read_text("utf-8")
    assert f"the probe sends {World(to='4917').probe().messages} to that" in page


def test_several_binds_of_the_page(capsys):
    names = {}
    for code in code_of("docs/howto/several-binds.md", "python"):
        exec(compile(code, "several-binds.md", "exec"), names)
    clock = Clock()
    endpoint = Endpoint(clock)
    endpoint.smsc.on_request = lambda session, pdu: pdu.answer(message_id="1a")
    pool = names["make_pool"](endpoint, "pw", reactor=clock)
    message = Deferred.fromCoroutine(names["notify"](pool))
    pool.startService()

    def turn():
        while endpoint.waiting:
            if endpoint.waiting[-1][1].called:
                endpoint.waiting.pop()  # the attempt was cancelled
            else:
                endpoint.binds()
        endpoint.flush()
        clock.advance(0.1)

    turn()
    assert success(message).message_ids == ("1a",)
    done = Deferred.fromCoroutine(names["maintain"](pool))
    while not done.called:
        turn()
    assert success(done) is None
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [f"link {at}: {at} of 4" for at in (1, 2, 3, 4)]
    assert lines[4:] == [f"{at} 0 of 10" for at in (1, 2, 3, 4)]
    stopping = pool.stopService()
    turn()
    success(stopping)
    assert clock.getDelayedCalls() == []
    assert [link.factory.window for link in names["two_sites"]("pw").links] == [10, 50]
