"""The forms that the text of a delivery receipt has: the standard's example, and vendors'.

A form is data: by what names a vendor calls the fields, what words it has for the states, what
stands between fields. :data:`STANDARD` reads nearly all message centres; a vendor that writes
something else gets a form of its own, made known by :func:`register_form`.

A text is read in one pass. It is cut at its colons; what stands in front of a colon is a key
when it is one or two words that begin the text or follow a separator; a value reaches up to the
next key. The first of two equal keys counts, and ``text`` takes all that follows it. Only the
first :data:`MOST_COLONS` colons are looked at, so that no text takes long.

Source: SMPP 3.4, appendix B; the words of :data:`STATES` and the aliases of :data:`KEYS` that are
not there were seen in receipts of real message centres.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted_smpp.values import MessageState

__all__ = ["FORMS", "KEYS", "MOST_COLONS", "STANDARD", "STAT", "STATES", "VODAFONE", "Form"]
__all__ += ["register_form"]

#: Colons that are looked at; a receipt has eight.
MOST_COLONS = 64
#: Characters of a key that is not known.
_LONGEST_KEY = 32

#: The word for each state in the text of a receipt.
STAT: dict[MessageState, str] = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}

#: The states by the words for them, in upper case: those of :data:`STAT`, the full names, and
#: what else message centres write.
STATES: dict[str, MessageState] = {
    **{state.name: state for state in MessageState},
    **{word: state for state, word in STAT.items()},
    "SCHEDLD": MessageState.SCHEDULED,
    "ACKED": MessageState.ENROUTE,
    "BUFFERD": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "DELIVERD": MessageState.DELIVERED,
    "FAILED": MessageState.UNDELIVERABLE,
    "UNDELIVERED": MessageState.UNDELIVERABLE,
}

#: The names of the standard's fields by the keys for them, in lower case.
KEYS: dict[str, str] = {
    "id": "id",
    "sub": "sub",
    "dlvrd": "dlvrd",
    "submit date": "submit date",
    "done date": "done date",
    "stat": "stat",
    "err": "err",
    "text": "text",
    "message id": "id",
    "message_id": "id",
    "msgid": "id",
    "submit_date": "submit date",
    "submitdate": "submit date",
    "done_date": "done date",
    "donedate": "done date",
    "final date": "done date",
    "status": "stat",
    "error": "err",
}

_SPACES = " \t\n\v\f\r\0"


class Form:
    """How one sort of message centre writes the text of a receipt.

    Args:
        name: by which configuration names it.
        keys: the name of a field by each key for it, besides :data:`KEYS`; a key is one or two
            words. A field that the standard does not have may have any name.
        states: the states by the words for them, besides :data:`STATES`; case does not matter.
        separators: characters that may stand in front of a key, besides white space and NUL.
        columns: the names of the fields, in their order, of a text that has only values with
            commas between them; the last takes all that is left. A text with fewer commas than
            that is read by its keys.

    Raises:
        ValueError: a key has more than two words, or a colon.
    """

    __slots__ = ("_folding", "_pairs", "_words", "columns", "keys", "name", "padding", "states")

    def __init__(
        self,
        name: str,
        *,
        keys: Mapping[str, str] | None = None,
        states: Mapping[str, MessageState] | None = None,
        separators: str = ",;|",
        columns: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.keys = {**KEYS, **{key.lower(): field for key, field in (keys or {}).items()}}
        self.states = {**STATES, **{word.upper(): state for word, state in (states or {}).items()}}
        self.columns = columns
        self.padding = _SPACES + separators
        # Folding makes all of ASCII lower case, and a space of all that may precede a key.
        folding = bytearray(bytes(range(256)).lower())
        for octet in self.padding.encode("latin-1"):
            folding[octet] = 0x20
        self._folding = bytes(folding)
        self._words: dict[bytes, str] = {}
        # Of a key of two words the second one is found first.
        self._pairs: dict[bytes, dict[bytes, str]] = {}
        for key, field in self.keys.items():
            self._add(key.encode("latin-1"), field)

    def _add(self, key: bytes, field: str) -> None:
        words = key.translate(self._folding).split()
        if not 1 <= len(words) <= 2 or b":" in key:
            raise ValueError(f"key: {key!r} is not one or two words without a colon")
        if len(words) == 2:
            self._pairs.setdefault(words[1], {})[words[0]] = field
        else:
            self._words[words[0]] = field

    def __repr__(self) -> str:
        return f"<Form {self.name}>"

    def scan(self, octets: bytes, text: str) -> tuple[dict[str, str], int]:
        """The fields of a text.

        Args:
            octets: the text with one octet for each character.
            text: the same, of which the values are cut.

        Returns:
            The values by the names of the fields, or by the key in lower case where the form
            does not know it; and where the value of ``text`` begins, -1 when there is none.
        """
        if self.columns and octets.count(b",") >= len(self.columns) - 1:
            return self._scan_columns(text)
        fields: dict[str, str] = {}
        words, pairs, padding = self._words, self._pairs, self.padding
        field, begin, at = "", 0, 0
        for piece in octets.translate(self._folding).split(b":", MOST_COLONS)[:-1]:
            head, space, word = piece.rpartition(b" ")
            key = words.get(word) if space or not at else None
            if head and word in pairs:
                before, space, first = head.rpartition(b" ")
                pair = pairs[word].get(first)
                if pair is not None and (space or not at):
                    key, head = pair, before
            end = at + len(head)
            if key is None:
                key, end = self._unusual_key(piece, at, begin)
            at += len(piece) + 1
            if key:
                if field and field not in fields:
                    fields[field] = text[begin:end].strip(padding)
                field, begin = key, at
                if key == "text":
                    fields[key] = text[begin:].strip(_SPACES)
                    return fields, begin
        if field:
            fields.setdefault(field, text[begin:].strip(padding))
        return fields, -1

    def _unusual_key(self, piece: bytes, at: int, begin: int) -> tuple[str, int]:
        """The key that ends a piece, known or not, with any spaces; and where it begins.

        Args:
            piece: what is in front of a colon.
            at, begin: where the piece and the present value begin.
        """
        words = piece.rsplit(None, 2)
        if not words:
            return "", 0
        word = words[-1]
        place = piece.rfind(word)
        if len(words) > 1 and word in self._pairs:
            pair, start = self._pairs[word].get(words[-2]), piece.rfind(words[-2], 0, place)
            if pair is not None and (start or not at):
                return pair, at + start
        key = self._words.get(word, "")
        if not key and (len(words) > 1 or not at or begin < at) and _is_key(word):
            # A vendor's field, where it cannot be the beginning of a value.
            key = word.decode("ascii")
        return (key, at + place) if place or not at else ("", 0)

    def _scan_columns(self, text: str) -> tuple[dict[str, str], int]:
        values = text.split(",", len(self.columns) - 1)
        fields = {
            field: value.strip(_SPACES) for field, value in zip(self.columns, values, strict=True)
        }
        return fields, len(text) - len(values[-1]) if self.columns[-1] == "text" else -1


def _is_key(word: bytes) -> bool:
    """Whether a word in front of a colon looks like the key of a vendor's field."""
    return len(word) <= _LONGEST_KEY and word[:1].isalpha() and word.replace(b"_", b"").isalnum()


#: The forms by their names.
FORMS: dict[str, Form] = {}


def register_form(form: Form) -> Form:
    """Makes a form known by its name, and returns it.

    Raises:
        ValueError: there is one of this name.
    """
    if form.name in FORMS:
        raise ValueError(f"there is a form of the name {form.name!r}")
    FORMS[form.name] = form
    return form


#: ``id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`` in any order.
STANDARD = register_form(Form("standard"))

#: ``00,0210021543,0210021500,,447887123456,8000,…``: no keys, and no id, which is in the TLV
#: only. Documented for 00 and 01 in a mail to the developers of Kannel of 2002; 02 is what EMI/UCP,
#: which has these numbers too, calls not delivered.
VODAFONE = register_form(
    Form(
        "vodafone",
        columns=("stat", "done date", "submit date", "err", "destination", "source", "reserved"),
        states={
            "00": MessageState.DELIVERED,
            "01": MessageState.ENROUTE,
            "02": MessageState.UNDELIVERABLE,
        },
    )
)
