"""What the documentation shows is run."""

import doctest
import importlib
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"]
MODULES = ["twisted_smpp.status", "twisted_smpp.values"]


WITH_PROMPTS = [page for page in PAGES if ">>>" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", WITH_PROMPTS, ids=lambda page: page.name)
def test_page_says_what_python_prints(page):
    # A fence ends the expected output, which doctest knows by a blank line only.
    text = re.sub(r"^ *```.*$", "", page.read_text("utf-8"), flags=re.M)
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)

    runner.run(example)

    assert runner.tries > 0
    assert runner.failures == 0


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
