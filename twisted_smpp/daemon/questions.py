"""What a message centre is asked at its control socket, besides how it is doing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from twisted.internet.defer import Deferred

from twisted_smpp.daemon.control import Refused
from twisted_smpp.errors import FieldError
from twisted_smpp.smsc import MessageCentre
from twisted_smpp.store import Record
from twisted_smpp.wire.pdu import decode

__all__ = ["Questions"]

#: Dead letters that one request lists or delivers again.
MOST_LETTERS = 1_000
#: The fields of each request, the one that makes it what it is first.
_FIELDS = {
    "dead_letters": ("dead_letters",),
    "revive": ("revive",),
    "alert": ("alert", "source"),
}


class Questions:
    """Answers requests about the accounts of a message centre.

    Args:
        centre: which has them.
    """

    def __init__(self, centre: MessageCentre) -> None:
        self._centre = centre

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | Deferred[dict[str, Any]]:
        """The answer to a request, or a Deferred of it.

        Raises:
            Refused: it is none.
        """
        kind = next((each for each in _FIELDS if each in request), None)
        if kind is None:
            raise Refused('{"status": true}, "dead_letters", "revive" or "alert" is needed')
        _check(request, _FIELDS[kind])
        account = request[kind]
        if kind == "dead_letters":
            found = self._centre.dead_letters(account, MOST_LETTERS + 1)
            return found.addCallback(_listed)
        if kind == "revive":
            revived = self._centre.revive(account, MOST_LETTERS)
            return revived.addCallback(lambda count: {"revived": count})
        return self._alert(account, request["source"])

    def _alert(self, account: str, source: str) -> dict[str, Any]:
        if account not in self._centre.customers:
            return {"alerted": 0}  # nobody of that name has ever been bound
        try:
            return {"alerted": self._centre.alert(account, source)}
        except FieldError as error:
            raise Refused(str(error)) from None


def _check(request: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in request:
        if name not in (*known, "id"):
            near = get_close_matches(name[:100], known, 1)
            hint = f", do you mean {near[0]}?" if near else ""
            raise Refused(f"{ascii(name)[:40]}: there is no such field{hint}")
    for name in known:
        if not isinstance(request.get(name), str):
            raise Refused(f"{name} has to be a string")


def _listed(letters: list[Record]) -> dict[str, Any]:
    """Letters as objects of JSON, without what a subscriber wrote."""
    listed = [_letter(each) for each in letters[:MOST_LETTERS]]
    return {"dead_letters": listed, "more": len(letters) > MOST_LETTERS}


def _letter(record: Record) -> dict[str, Any]:
    receipt: Any = decode(record.pdu)  # its record has no addresses of its own
    return {
        "message_id": record.message_id,
        "source": receipt.source_addr,
        "destination": receipt.destination_addr,
        "why": (record.data or {}).get("why", ""),
        "tries": record.tries,
        "at": record.at,
        "until": record.expires,
    }
