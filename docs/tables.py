"""The reference tables of PDUs, TLVs and others, made from the declarations themselves."""

import unicodedata
from collections.abc import Iterator

from docutils.nodes import Element, Node
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from twisted_smpp import PDU, CommandStatus, DataCoding, Role, State
from twisted_smpp.matrix import may_send
from twisted_smpp.text import Charset, Language, scheme
from twisted_smpp.text.gsm0338 import CHARACTERS, ESCAPE, alphabet
from twisted_smpp.wire.pdu import registry
from twisted_smpp.wire.tlvs import STANDARD


def pdus() -> Iterator[str]:
    for cls in sorted(
        registry.values(), key=lambda cls: (cls.command_id & 0x7FFFFFFF, cls.is_response)
    ):
        yield f"## {cls.command}"
        yield ""
        yield f"`{cls.__name__}`, command_id {cls.command_id:#010x}. {cls.__doc__ or ''}"
        yield ""
        yield f"In SMPP {', '.join(version.text for version in cls.versions)}. {_senders(cls)}"
        yield ""
        if cls.fields:
            yield "| field | type | octets | |"
            yield "| --- | --- | --- | --- |"
            for field in cls.fields:
                for row in field.rows():
                    sizes = " or ".join(map(str, row.sizes)) or f"{row.max}"
                    doc = field.doc if row.name == field.name else "How many follow."
                    yield f"| {row.name} | {row.type} | {sizes} | {doc} |"
            yield ""


def _senders(cls: type[PDU]) -> str:
    version = cls.versions[-1]
    said = []
    for role in Role:
        states = [state.name for state in State if cls.command_id in may_send(role, version, state)]
        if states:
            said.append(f"The {role.value} may send it in {', '.join(states)}.")
    return " ".join(said)


def tlvs() -> Iterator[str]:
    yield "| TLV | tag | type | octets | since | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for tlv in STANDARD.values():
        octets = " or ".join(map(str, tlv.sizes)) or (
            f"{tlv.least}" if tlv.least == tlv.most else f"{tlv.least} to {tlv.most}"
        )
        notes = ["may be repeated"] if tlv.repeatable else []
        notes += [f"also called {alias}" for alias in tlv.aliases]
        yield (
            f"| {tlv.name} | {tlv.tag:#06x} | {tlv.kind} | {octets} | {tlv.since.text} "
            f"| {', '.join(notes)} |"
        )


def statuses() -> Iterator[str]:
    aliases: dict[int, list[str]] = {}
    for name, member in CommandStatus.__members__.items():
        if name != member.name:
            aliases.setdefault(member, []).append(name)
    yield "| status | value | meaning |"
    yield "| --- | --- | --- |"
    for status in CommandStatus:
        names = ", ".join([status.name, *aliases.get(status, [])])
        yield f"| {names} | {int(status):#010x} | {status.description} |"


def data_codings() -> Iterator[str]:
    yield "| data_coding | SMPP calls it | read as |"
    yield "| --- | --- | --- |"
    for value in DataCoding:
        charset = scheme(value).charset
        if charset is Charset.DEFAULT:
            read = "what the link agreed on, `TextRules.default_alphabet`"
        else:
            read = "octets, no text" if charset is Charset.OCTETS else charset.value
        yield f"| {int(value):#04x} | {value.name} | {read} |"


_NAMES = {"\n": "LF", "\r": "CR", "\f": "FF", " ": "space"}


def _shown(character: str) -> str:
    if character.isalnum():
        return character
    return _NAMES.get(character, f"\\{character}" if character.isascii() else character)


def gsm() -> Iterator[str]:
    tables = alphabet()
    columns = range(0, 0x80, 0x10)
    yield f"| | {' | '.join(f'{column:#04x}' for column in columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for row in range(0x10):
        cells = [
            "escape" if column + row == ESCAPE else _shown(tables.decode(bytes([column + row])))
            for column in columns
        ]
        yield f"| **+{row:x}** | {' | '.join(cells)} |"


def gsm_extension() -> Iterator[str]:
    tables = alphabet()
    yield "| behind the escape | character |"
    yield "| --- | --- |"
    pairs = [(tables.encode(character), character) for character in CHARACTERS]
    for octets, character in sorted(pairs):
        if len(octets) == 2:
            yield f"| {octets[1]:#04x} | {_shown(character)} |"


def languages() -> Iterator[str]:
    yield "| language | identifier | single shift adds | locking shift adds |"
    yield "| --- | --- | --- | --- |"
    for language in Language:
        single = _added(alphabet(single=language).characters)
        locking = _added(alphabet(locking=language).characters)
        yield (
            f"| {language.name.capitalize()} | {int(language)} | {single} "
            f"| {locking if language.has_locking_shift else 'it has none'} |"
        )


def _added(characters: frozenset[str]) -> str:
    """What the default alphabet and its extension lack; of other scripts only how many."""
    added = sorted(characters - CHARACTERS)
    latin = any("LATIN" in unicodedata.name(character) for character in added)
    return " ".join(map(_shown, added)) if latin else f"{len(added)} characters"


TABLES = {
    "pdus": pdus,
    "tlvs": tlvs,
    "statuses": statuses,
    "data-codings": data_codings,
    "gsm": gsm,
    "gsm-extension": gsm_extension,
    "languages": languages,
}


class Table(SphinxDirective):
    """``{smpp-table} NAME``, a name of :data:`TABLES`."""

    required_arguments = 1

    def run(self) -> list[Node]:
        lines = TABLES[self.arguments[0]]()
        parent = Element()
        self.state.nested_parse(StringList(list(lines)), 0, parent, match_titles=True)
        return parent.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("smpp-table", Table)
    return {"parallel_read_safe": True}
