"""The options that say what a link takes, for every command that writes or reads text."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.rules import DEFAULT_ALPHABETS, Method, TextRules

__all__ = ["alphabet_option", "plain", "rules_of", "standard_input", "text_options"]

#: Joins what belongs together, in emoji and in some scripts; a terminal knows them.
_JOINERS = "\u200c\u200d"

C = TypeVar("C", bound=Callable[..., Any])

alphabet_option = click.option(
    "--alphabet",
    type=click.Choice(DEFAULT_ALPHABETS),
    default="gsm0338",
    show_default=True,
    help="What data_coding 0 stands for.",
)

_OPTIONS = (
    alphabet_option,
    click.option(
        "--language",
        "languages",
        multiple=True,
        type=click.Choice([language.name.lower() for language in Language]),
        help="A national language whose shift tables may be used; may be given again.",
    ),
    click.option("--latin-1", is_flag=True, help="Latin-1 (data_coding 3) may be used."),
    click.option(
        "--method",
        type=click.Choice([method.value for method in Method]),
        default=Method.UDH_8.value,
        show_default=True,
        help="How the parts of a long text are told apart.",
    ),
    click.option(
        "--transliterate",
        is_flag=True,
        help="Replace quotes, dashes and letters that GSM lacks by alike ones that it has.",
    ),
    click.option(
        "--graphemes/--no-graphemes",
        default=True,
        help="Whether what looks like one character stays in one part.",
    ),
)


def text_options(command: C) -> C:
    """Adds the options; :func:`rules_of` takes them back out."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def rules_of(options: dict[str, Any], profile: TextRules | None = None) -> TextRules:
    """The rules that the options say; removes them from ``options``.

    Args:
        options: of the command.
        profile: the rules where no option is given; None for the usual ones.
    """
    context = click.get_current_context()
    said: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "alphabet": ("default_alphabet", str),
        "languages": ("languages", _languages),
        "latin_1": ("latin_1", bool),
        "method": ("method", Method),
        "graphemes": ("graphemes", bool),
        "transliterate": ("transliterate", bool),
    }
    given: dict[str, Any] = {}
    for option, (name, read) in said.items():
        value = options.pop(option)
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            given[name] = read(value)
    return replace(profile or TextRules(), **given)


def _languages(names: Iterable[str]) -> tuple[Language, ...]:
    return tuple(Language[name.upper()] for name in names)


def standard_input(errors: str = "surrogateescape") -> str:
    """All of it, in UTF-8 whatever the locale is; wrong usage when it is closed.

    Args:
        errors: what happens with octets that are not UTF-8, as for ``bytes.decode``.

    Raises:
        UnicodeDecodeError: ``errors`` is ``"strict"``, and there are such octets.
    """
    if sys.stdin is None:
        raise click.UsageError("-: there is no standard input")
    return io.StringIO(sys.stdin.buffer.read().decode("utf-8", errors), newline=None).read()


def plain(text: str) -> str:
    """``text`` without anything that a terminal would act on."""
    return "".join(
        [each if each.isprintable() or each in _JOINERS else _escaped(each) for each in text]
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
