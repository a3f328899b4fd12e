"""The public names: twisted_smpp.__all__, and those of its public modules."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
from pathlib import Path

import pytest

PUBLIC_MODULES = (
    "twisted_smpp",
    "twisted_smpp.interfaces",
    "twisted_smpp.testing",
    "twisted_smpp.text",
)


def undocumented(module: object) -> list[str]:
    """Return the public names that are classes, interfaces or functions without a docstring."""
    return [
        name
        for name in module.__all__
        if needs_docstring(getattr(module, name)) and not own_docstring(getattr(module, name))
    ]


def needs_docstring(value: object) -> bool:
    # An interface of zope.interface is an instance, with the docstring as a class has it.
    return inspect.isclass(value) or inspect.isroutine(value) or hasattr(value, "implementedBy")


def own_docstring(value: object) -> str | None:
    """Return the docstring, but not one that was inherited."""
    return value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__


def code(source: str) -> list[str]:
    """Return the statements that are more than a docstring, an import or a dunder name's value."""
    body = ast.parse(source).body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return [
        ast.unparse(statement)
        for statement in body
        if not isinstance(statement, ast.Import | ast.ImportFrom) and not is_dunder(statement)
    ]


def is_dunder(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [ast.unparse(target) for target in targets] in (["__all__"], ["__version__"])


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_names_are_unique(name: str) -> None:
    names = importlib.import_module(name).__all__

    # That they are sorted, in its own way, is seen to by ruff.
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_names_exist(name: str) -> None:
    module = importlib.import_module(name)

    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__doc__
    assert undocumented(module) == []


def test_package_itself_has_no_code() -> None:
    package = importlib.import_module("twisted_smpp")

    assert code(Path(package.__file__).read_text("utf-8")) == []


def test_version_is_that_of_the_metadata() -> None:
    package = importlib.import_module("twisted_smpp")

    assert package.__version__ == importlib.metadata.version("twisted_smpp")


def test_missing_docstring_is_caught() -> None:
    class Documented:
        """It is."""

        __all__ = ("Heir", "function", "value")

        class Heir(Exception):
            pass

        def function(self) -> None:
            pass

        value = 1

    assert undocumented(Documented) == ["Heir", "function"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Doc."""\nimport a\nfrom b import c\n__all__ = ["c"]\n__version__ = f()', []),
        ("x = 1", ["x = 1"]),
        ("'doc'\n'no doc'", ["'no doc'"]),
        ("def f():\n    pass", ["def f():\n    pass"]),
        ("__all__ += ['x']", ["__all__ += ['x']"]),
    ],
)
def test_code_is_caught(source: str, expected: list[str]) -> None:
    assert code(source) == expected
