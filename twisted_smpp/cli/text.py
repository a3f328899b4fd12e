"""``smpp text``: how a text will be sent, and what that costs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from twisted_smpp.cli.text_options import plain, rules_of, standard_input, text_options
from twisted_smpp.text.segments import NotText, Plan, TextTooLong, plan
from twisted_smpp.wire.tlvs import message_payload

__all__ = ["text"]

#: Culprits and changes shown to a person.
MOST_SHOWN = 10


@click.command(
    epilog="""Examples:

\b
  smpp text 'Your parcel is here'
  smpp text --transliterate 'It’s here – come and get it…'
  smpp text --language turkish --hex 'Paketiniz yolda, iyi günler dileriz: şubemiz açık'
  smpp text --json - < message.txt
"""
)
@click.argument("text", metavar="TEXT|-")
@text_options
@click.option(
    "--class",
    "message_class",
    type=click.IntRange(0, 3),
    help="The message class: 0 is shown at once and not kept.",
)
@click.option(
    "--reference",
    type=click.IntRange(0, 0xFFFF),
    default=1,
    show_default=True,
    help="What the parts have in common.",
)
@click.option("--hex", "as_hex", is_flag=True, help="Print the octets of each part.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def text(text: str, **options: Any) -> None:
    """Print how TEXT will be sent: its coding, why that one, and its parts.

    - reads the text from standard input, without its last line end. Characters because of
    which the GSM alphabet cannot be used are shown in reverse. Exits with 1 when the text is
    too long.
    """
    if text == "-":
        text = standard_input().removesuffix("\n")
    rules = rules_of(options)
    try:
        found = plan(text, rules, message_class=options["message_class"])
    except NotText as error:
        raise click.UsageError(f"TEXT: not valid UTF-8 at character {error.position + 1}") from None
    except TextTooLong as error:
        click.echo(f"smpp text: {error}", err=True)
        sys.exit(1)
    if options["as_json"]:
        click.echo(json.dumps(as_dict(found, options["reference"]), indent=2))
        return
    click.echo("\n".join(_lines(found)))
    click.echo()
    click.echo("\n".join(_parts(found, options["reference"], options["as_hex"])))


def as_dict(found: Plan, reference: int) -> dict[str, Any]:
    """A plan and its parts, as JSON has them."""
    return {
        "coding": found.coding.name,
        "data_coding": found.data_coding,
        "reason": found.reason,
        "method": None if found.method is None else found.method.value,
        "parts": found.parts,
        "pdus": found.pdus,
        "unit": found.unit,
        "units": found.units,
        "capacity": found.capacity,
        "used_in_last": found.used,
        "left_in_last": found.left,
        "culprits": [
            {
                "character": culprit.character,
                "name": culprit.name,
                "positions": list(culprit.positions),
            }
            for culprit in found.culprits
        ],
        "changes": [change._asdict() for change in found.changes],
        "texts": found.texts,
        "segments": [
            {
                "number": segment.number,
                "total": segment.total,
                "esm_class": segment.esm_class,
                "data_coding": segment.data_coding,
                "short_message": segment.short_message.hex(),
                "tlvs": {
                    tlv.name: value.hex() if isinstance(value, bytes) else value
                    for tlv, value in segment.tlvs.items()
                },
            }
            for segment in found.segments(reference)
        ],
    }


def _lines(found: Plan) -> Iterator[str]:
    rows = [
        ("coding", f"{found.coding.name}, data_coding {found.data_coding:#04x}"),
        ("why", found.reason),
        ("parts", _how_many(found)),
        (
            "last part",
            f"{found.used} of {found.capacity} {found.unit} used, {found.left} left",
        ),
    ]
    for culprit in found.culprits[:MOST_SHOWN]:
        times = "once" if len(culprit.positions) == 1 else f"{len(culprit.positions)} times"
        rows.append(
            (
                "lacking",
                f"{_marked(culprit.character)}  {culprit.name}, {times}, first at character "
                f"{culprit.positions[0] + 1}",
            )
        )
    rows += _more("lacking", len(found.culprits))
    for change in found.changes[:MOST_SHOWN]:
        rows.append(
            (
                "changed",
                f"{plain(change.original)} to {plain(change.replacement) or 'nothing'} at "
                f"character {change.position + 1}",
            )
        )
    rows += _more("changed", len(found.changes))
    width = max(len(name) for name, _ in rows)
    previous = ""
    for name, value in rows:
        yield f"{'' if name == previous else name:<{width}}  {value}"
        previous = name


def _how_many(found: Plan) -> str:
    if found.method is None:
        return "1"
    if found.pdus != found.parts:
        return f"{found.parts}, cut by the message centre ({found.pdus} PDU, payload)"
    return f"{found.parts}, by {found.method.value}"


def _more(name: str, count: int) -> list[tuple[str, str]]:
    return [(name, f"and {count - MOST_SHOWN} more")] if count > MOST_SHOWN else []


def _parts(found: Plan, reference: int, as_hex: bool) -> Iterator[str]:
    culprits = {culprit.character for culprit in found.culprits}
    width = len(str(found.parts))
    for number, part in enumerate(found.texts, 1):
        shown = "".join([_marked(each) if each in culprits else plain(each) for each in part])
        yield f"{number:>{width}}  {shown}"
    if not as_hex:
        return
    yield ""
    for segment in found.segments(reference):
        octets = segment.tlvs.get(message_payload, segment.short_message)
        numbers = [f"esm_class {segment.esm_class:#04x}"]
        for tlv, value in segment.tlvs.items():
            if tlv is not message_payload:
                numbers.append(f"{tlv.name} {value}")
        yield f"{segment.number:>{width}}  {', '.join(numbers)}, {len(octets)} octets"
        digits = octets.hex(" ")
        for start in range(0, len(digits), 72):
            yield f"{'':>{width}}    {digits[start : start + 72].rstrip()}"


def _marked(character: str) -> str:
    return click.style(plain(character), reverse=True)
