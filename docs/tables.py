"""The reference tables of PDUs, TLVs and statuses, made from the declarations themselves."""

from collections.abc import Iterator

from docutils.nodes import Element, Node
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from twisted_smpp import PDU, CommandStatus, Role, State
from twisted_smpp.matrix import may_send
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


class Table(SphinxDirective):
    """``{smpp-table} pdus``, ``tlvs`` or ``statuses``."""

    required_arguments = 1

    def run(self) -> list[Node]:
        lines = {"pdus": pdus, "tlvs": tlvs, "statuses": statuses}[self.arguments[0]]()
        parent = Element()
        self.state.nested_parse(StringList(list(lines)), 0, parent, match_titles=True)
        return parent.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("smpp-table", Table)
    return {"parallel_read_safe": True}
