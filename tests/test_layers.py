"""The rules of the house, read off the source: who imports whom, sizes, and what is banned.

Each rule is a function from modules to a list of what breaks it; the package must give empty
lists, and each rule is shown to catch a sample.

Imports for annotations only (``if TYPE_CHECKING:``) never run, so they do not count. Those
inside of functions do.
"""

from __future__ import annotations

import ast
import statistics
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Modules = dict[str, ast.Module]

PACKAGE = "twisted_smpp"

# A room is a module or a package directly in twisted_smpp; "" is twisted_smpp itself, which
# re-exports. A module may import from its own room and from the lines above its room's.
LAYERS = (
    ("passwords", "states", "status", "tokens", "values"),
    ("errors",),
    ("interfaces",),
    ("wire",),
    ("text",),
    ("limits", "events", "matrix", "tap"),
    ("deadlines",),
    ("session", "store", "trace"),
    ("shorthands", "answering", "noting", "unread"),
    ("protocol",),
    ("factory", "endpoints", "stalls"),
    ("esme", "smsc"),
    ("probe",),
    ("",),
    ("cli", "daemon", "testing"),
)
LEVELS = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

# Rooms from here on know Twisted. The backends of the store are the exception below it.
FIRST_WITH_TWISTED = "shorthands"
REACTIVE = ("twisted", "zope")
ALLOWED_BELOW = {"interfaces": ("zope.interface",), "store": REACTIVE}

MOST_LINES_OF_FILE = 600
MOST_LINES_OF_FUNCTION = 50
MOST_LINES_OF_MEDIAN_FUNCTION = 10

# The one place that compiles generated methods.
EXEC_ALLOWED = f"{PACKAGE}.wire.codec"
BANNED_MODULES = ("marshal", "pickle", "shelve")

ROOT = Path(__file__).parent.parent


def room(module: str) -> str:
    return [*module.split("."), ""][1]


def level(module: str) -> int:
    return LEVELS.get(room(module), len(LAYERS))


def within(module: str, *parents: str) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for alternative in node.orelse:
                yield alternative
                yield from nodes_that_run(alternative)
        else:
            yield node
            yield from nodes_that_run(node)


def imports(tree: ast.Module, modules: Modules) -> Iterator[str]:
    for node in nodes_that_run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            for alias in node.names:
                submodule = f"{source}.{alias.name}"
                yield submodule if submodule in modules else source


def own_imports(modules: Modules) -> dict[str, set[str]]:
    return {
        name: {target for target in imports(tree, modules) if within(target, PACKAGE)}
        for name, tree in modules.items()
    }


def relative_imports(modules: Modules) -> list[str]:
    return [
        f"{name}: {target}"
        for name, tree in modules.items()
        for target in imports(tree, modules)
        if target.startswith(".")
    ]


def rooms_without_layer(modules: Modules) -> list[str]:
    return [f"{name} is not in LAYERS" for name in modules if room(name) not in LEVELS]


def upward_imports(modules: Modules) -> list[str]:
    return [
        f"{name} imports {target}"
        for name, targets in own_imports(modules).items()
        for target in targets
        if room(name) != room(target) and level(name) <= level(target)
    ]


def import_cycles(modules: Modules) -> list[str]:
    try:
        TopologicalSorter(own_imports(modules)).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def twisted_below_protocol(modules: Modules) -> list[str]:
    return [
        f"{name} imports {target}"
        for name, tree in modules.items()
        for target in imports(tree, modules)
        if level(name) < LEVELS[FIRST_WITH_TWISTED]
        and within(target, *REACTIVE)
        and not within(target, *ALLOWED_BELOW.get(room(name), ()))
    ]


def functions(modules: Modules) -> Iterator[tuple[str, int]]:
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}.{node.name}", node.end_lineno - node.lineno + 1


def long_functions(modules: Modules) -> list[str]:
    sizes = functions(modules)
    return [f"{name}: {n} lines" for name, n in sizes if n > MOST_LINES_OF_FUNCTION]


def long_median_function(modules: Modules) -> list[str]:
    sizes = [n for _, n in functions(modules)]
    median = statistics.median(sizes) if sizes else 0
    return [f"median: {median} lines"] if median > MOST_LINES_OF_MEDIAN_FUNCTION else []


def long_files(sources: dict[str, str]) -> list[str]:
    sizes = {name: len(source.splitlines()) for name, source in sources.items()}
    return [f"{name}: {n} lines" for name, n in sizes.items() if n > MOST_LINES_OF_FILE]


def is_banned_import(node: ast.AST, module: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        yaml_load = node.module == "yaml" and any(alias.name == "load" for alias in node.names)
        return yaml_load or within(node.module or "", *BANNED_MODULES)
    return isinstance(node, ast.Import) and any(
        within(alias.name, *BANNED_MODULES) for alias in node.names
    )


def is_banned_call(node: ast.AST, module: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = ast.unparse(node.func)
    shell = any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in node.keywords)
    printing = function == "print" and room(module) != "cli"
    executing = function in ("exec", "builtins.exec") and module != EXEC_ALLOWED
    return shell or printing or executing or function in ("eval", "builtins.eval", "yaml.load")


def is_swallowing(node: ast.AST, module: str) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    everything = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
    return everything and all(ast.unparse(line) in ("pass", "...") for line in node.body)


def banned(modules: Modules) -> list[str]:
    found = [
        f"{name}, line {node.lineno}: {ast.unparse(node)}"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if is_banned_import(node, name) or is_banned_call(node, name) or is_swallowing(node, name)
    ]
    return found + second_exec(modules)


def second_exec(modules: Modules) -> list[str]:
    calls = [
        f"{name}, line {node.lineno}: a second exec"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if name == EXEC_ALLOWED and isinstance(node, ast.Call) and ast.unparse(node.func) == "exec"
    ]
    return calls[1:]


RULES = [
    relative_imports,
    rooms_without_layer,
    upward_imports,
    import_cycles,
    twisted_below_protocol,
    long_functions,
    long_median_function,
    banned,
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@pytest.fixture(scope="module")
def package() -> Modules:
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    return {module_name(path): ast.parse(path.read_text("utf-8"), path) for path in files}


@pytest.mark.parametrize("rule", RULES)
def test_package_keeps_the_rule(package: Modules, rule: Callable[[Modules], list[str]]) -> None:
    assert rule(package) == []


def test_files_are_short() -> None:
    files = [*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "tests").rglob("*.py")]

    assert long_files({str(path): path.read_text("utf-8") for path in files}) == []


def parsed(sources: dict[str, str]) -> Modules:
    modules = {f"{PACKAGE}.{name}".rstrip("."): source for name, source in sources.items()}
    return {name: ast.parse(source) for name, source in modules.items()}


LONG = "def long():\n" + "    1\n" * MOST_LINES_OF_FUNCTION
MEDIUM = "def medium():\n" + "    1\n" * MOST_LINES_OF_MEDIAN_FUNCTION
SWALLOWING = "try:\n    f()\nexcept {}:\n    pass"


@pytest.mark.parametrize(
    ("rule", "sources"),
    [
        (relative_imports, {"wire.pdu": "from . import codec"}),
        (relative_imports, {"wire.pdu": "def f():\n    from ..errors import SMPPError"}),
        (rooms_without_layer, {"newcomer.module": ""}),
        (upward_imports, {"wire.pdu": "from twisted_smpp.session import Session"}),
        (upward_imports, {"wire.pdu": "from twisted_smpp import session", "session": ""}),
        (upward_imports, {"wire.pdu": "def f():\n    import twisted_smpp.protocol"}),
        (upward_imports, {"wire.pdu": "from twisted_smpp import decode"}),
        (upward_imports, {"wire.pdu": "import twisted_smpp.text"}),
        (upward_imports, {"esme.service": "from twisted_smpp.smsc import service"}),
        (upward_imports, {"": "import twisted_smpp.testing"}),
        (
            import_cycles,
            {
                "wire.a": "from twisted_smpp.wire import b",
                "wire.b": "def f():\n    from twisted_smpp.wire.a import x",
            },
        ),
        (twisted_below_protocol, {"wire.pdu": "from twisted.python import log"}),
        (twisted_below_protocol, {"session": "def f():\n    import twisted"}),
        (twisted_below_protocol, {"text.udh": "import zope.interface"}),
        (twisted_below_protocol, {"interfaces": "from twisted.internet.defer import Deferred"}),
        (long_functions, {"wire.pdu": LONG}),
        (long_median_function, {"wire.pdu": MEDIUM}),
        (long_functions, {"wire.pdu": f"class C:\n    async {LONG.replace('    ', '        ')}"}),
        (banned, {"session": "import pickle"}),
        (banned, {"session": "def f():\n    from marshal import loads"}),
        (banned, {"session": "import os, shelve"}),
        (banned, {"session": "eval('1')"}),
        (banned, {"session": "exec('x = 1')"}),
        (banned, {"wire.codec": "exec('x = 1')\nexec('y = 1')"}),
        (banned, {"session": "yaml.load(f)"}),
        (banned, {"session": "from yaml import load"}),
        (banned, {"cli.main": "subprocess.run('ls', shell=True)"}),
        (banned, {"session": SWALLOWING.format("")}),
        (banned, {"session": SWALLOWING.format("Exception")}),
        (banned, {"session": SWALLOWING.format("BaseException as e")}),
        (banned, {"session": "print('x')"}),
    ],
)
def test_rule_catches(rule: Callable[[Modules], list[str]], sources: dict[str, str]) -> None:
    assert len(rule(parsed(sources))) == 1


@pytest.mark.parametrize(
    "sources",
    [
        {"session": "from twisted_smpp.wire.pdus import SubmitSM"},
        {"session": "from twisted_smpp import errors", "errors": ""},
        {"wire.pdu": "from twisted_smpp.wire import codec", "wire.codec": "", "wire": ""},
        {"wire": "from twisted_smpp.wire.pdu import PDU", "wire.pdu": ""},
        {"wire.pdu": "if TYPE_CHECKING:\n    from twisted_smpp.protocol import SMPPProtocol"},
        {"interfaces": "from zope.interface import Interface"},
        {"store.sqlite": "from twisted.internet import threads"},
        {"protocol": "from twisted.internet import defer"},
        {"wire.codec": "exec('x = 1')"},
        {"cli.main": "print('x')"},
        {"session": SWALLOWING.format("KeyError")},
        {"session": "subprocess.run('ls', shell=False)"},
        {"cli.main": "from twisted_smpp import ESMEFactory", "": ""},
    ],
)
@pytest.mark.parametrize("rule", RULES)
def test_rule_lets_pass(rule: Callable[[Modules], list[str]], sources: dict[str, str]) -> None:
    assert rule(parsed(sources)) == []


def test_annotation_imports_have_an_else_that_runs() -> None:
    source = "if TYPE_CHECKING:\n    pass\nelse:\n    import twisted_smpp.protocol"

    assert len(upward_imports(parsed({"wire.pdu": source}))) == 1


def test_long_file_is_caught() -> None:
    assert long_files({"short": "x\n" * MOST_LINES_OF_FILE}) == []
    assert len(long_files({"long": "x\n" * (MOST_LINES_OF_FILE + 1)})) == 1
