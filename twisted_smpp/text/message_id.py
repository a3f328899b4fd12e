"""Which message a receipt is about, when its id is not written as the response wrote it.

A message id is a string that only the message centre understands, and it is kept as it came.
Yet some message centres write the same id in two ways: in hexadecimal in the response and in
decimal in the receipt, or the reverse, without its leading zeros, or in the other case. A
strategy says which of that counts as the same:

====================  ==================================================================
``verbatim``          only the same characters
``case-insensitive``  letters of the other case
``leading zeros``     zeros in front left out or added, and letters of the other case
``hex to decimal``    the response hexadecimal, the receipt decimal, as numbers
``decimal to hex``    the response decimal, the receipt hexadecimal, as numbers
``hex-decimal``       the two before
``learn``             any of them, until it is known which one this message centre needs
====================  ==================================================================

The same characters match too, and come first, but for one case: where ids are converted, the
same digits may be another number. ``hex to decimal`` and ``decimal to hex`` then take the number,
and so does ``learn`` when it has found one of them, until an id comes that was not converted;
``hex-decimal`` takes neither. Where two messages fit, none is taken: rather a message
without its receipt than one with the receipt of another. That needs the ids of both to be there:
whoever knows that some are still to come asks :meth:`MessageIds.may_change` first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar, cast

__all__ = ["SETTLE_AFTER", "STRATEGIES", "Match", "MessageIds"]

T = TypeVar("T", bound=Hashable)

#: Receipts in a row that one strategy explains, until ``learn`` settles on it.
SETTLE_AFTER = 10
#: Characters of the longest id that is compared as more than a string.
_LONGEST = 64
#: Digits of the longest number that may be an id that is there, and another one when it is read
#: otherwise. The two are 27 times apart then: no message centre counts that far meanwhile.
_SHORT = 8

_HEX_DIGITS = "0123456789abcdefABCDEF"


def _plain(message_id: str) -> str:
    """In lower case and without zeros in front."""
    return message_id.lower().lstrip("0")


def _to_hexadecimal(message_id: str) -> str | None:
    """A decimal number as it is plainly written in hexadecimal."""
    if not (message_id.isascii() and message_id.isdecimal()):
        return None
    return _plain(f"{int(message_id):x}")


def _to_decimal(message_id: str) -> str | None:
    """A hexadecimal number as it is plainly written in decimal."""
    return None if message_id.strip(_HEX_DIGITS) else _plain(str(int(message_id, 16)))


_Key = Callable[[str], str | None]

#: How the id that is looked up is written to be the other one: that of a receipt to be that of
#: a response, and the reverse. Where only the case counts, zeros in front stay. From the
#: strictest to the loosest. Two numbers are the same exactly when they are written the same.
_LOOSE: dict[str, tuple[_Key, _Key]] = {
    "case-insensitive": (str.lower, str.lower),
    "leading zeros": (_plain, _plain),
    "hex to decimal": (_to_hexadecimal, _to_decimal),
    "decimal to hex": (_to_decimal, _to_hexadecimal),
}

#: These read the characters as a number: the same ones may well be another id.
_CONVERTING = frozenset(("hex to decimal", "decimal to hex"))

#: The strategies by name, each with what it tries when no characters are the same.
STRATEGIES: dict[str, tuple[str, ...]] = {
    "verbatim": (),
    **{name: (name,) for name in _LOOSE},
    "hex-decimal": ("hex to decimal", "decimal to hex"),
    "learn": tuple(_LOOSE),
}


class Match(NamedTuple, Generic[T]):
    """What an id was found to belong to.

    Attributes:
        item: what was added with it; None when nothing fits, or not one thing only.
        strategy: the strictest that found it; "" when there is no item.
        ambiguous: whether several items fit.
    """

    item: T | None = None
    strategy: str = ""
    ambiguous: bool = False


class _Several(dict[Any, int]):
    """The items of a key that has more than one, or one by several ids: how often each."""


_NOTHING = object()
#: Stands for items that are too many to tell which.
_TOO_MANY = (object(), object())


class _Table:
    """Items by a key. A key with one item, which is the rule, needs no container."""

    __slots__ = ("all_items",)

    def __init__(self) -> None:
        #: A key's item, or several.
        self.all_items: dict[str, Any] = {}

    def items(self, key: str) -> tuple[Any, ...]:
        """None, the one item, or two things that stand for more."""
        if key not in self.all_items:
            return ()
        found = self.all_items[key]
        if not isinstance(found, _Several):
            return (found,)
        return tuple(found) if len(found) == 1 else _TOO_MANY

    def has(self, key: str, item: Any) -> bool:
        """Whether a key has this item, perhaps among others."""
        if key not in self.all_items:
            return False
        found = self.all_items[key]
        return item in found if isinstance(found, _Several) else bool(found == item)

    def add(self, key: str, item: Any) -> None:
        """One more id that has this key."""
        if key not in self.all_items:
            self.all_items[key] = item
            return
        found = self.all_items[key]
        if not isinstance(found, _Several):
            found = self.all_items[key] = _Several({found: 1})
        found[item] = found.get(item, 0) + 1

    def discard(self, key: str, item: Any) -> None:
        """One id less that has this key."""
        found = self.all_items[key]
        if not isinstance(found, _Several):
            del self.all_items[key]
            return
        found[item] -= 1
        if not found[item]:
            del found[item]
        if len(found) == 1:
            # A dict that was big stays so, and slow to iterate over.
            item, count = found.popitem()
            self.all_items[key] = item if count == 1 else _Several({item: count})


class MessageIds(Generic[T]):
    """The submitted ids of one link, with what belongs to each.

    Every operation takes the same time, however many ids there are; memory is needed only for
    the ids that are there.

    ``learn`` first tries everything. A receipt that is matched speaks for the strategies that
    found it and against all others; but one that is matched verbatim speaks against none, as a
    message centre may write the id unchanged into the TLV and otherwise into the text. When
    ``settle_after`` receipts have spoken for a strategy, with none against it between them, it
    is the only one that is used from then on, besides ``verbatim``. It begins anew if that was
    wrong: if the receipts that only another strategy could have matched outnumber those that
    are matched by ``settle_after``.

    Args:
        strategy: one of :data:`STRATEGIES`.
        settle_after: receipts that ``learn`` wants to see before it settles.
        of_receipts: whether the ids that are added are those of receipts, and the ones that
            are looked up those of responses: for receipts that came first.
        state: what :meth:`state` returned, to go on from there. The ids are not part of it.

    Attributes:
        strategy: as given.
        lessons: how often :attr:`settled` has changed.
        is_learning: whether nothing is settled yet.
        is_open: whether an id that is still to come may change what another one belongs to.
        matched, unknown, ambiguous: how many receipts were matched, fitted nothing, or fitted
            several items.

    Raises:
        ValueError: there is no such strategy, or the state is none.
    """

    def __init__(
        self,
        strategy: str = "learn",
        *,
        settle_after: int = SETTLE_AFTER,
        of_receipts: bool = False,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy: {strategy!r} is not one of {', '.join(STRATEGIES)}")
        if settle_after < 1:
            raise ValueError(f"settle_after: {settle_after!r} is less than 1")
        self.strategy = strategy
        self.matched = self.unknown = self.ambiguous = self.lessons = 0
        self._settle_after = settle_after
        self._verbatim = _Table()
        #: Ids that are written otherwise in lower case; that are not plain. Most ids are, and
        #: are in the first table only.
        self._in_lower_case, self._made_plain = _Table(), _Table()
        self._loose = STRATEGIES[strategy]
        # Each with the key of an id that is looked up, and the table of those it may not be.
        self._keyed = [
            (name, _LOOSE[name][int(of_receipts)], self._table_of(name)) for name in self._loose
        ]
        self._readings = {name: key for name, key, _ in self._keyed if name in _CONVERTING}
        self._converts = bool(self._readings)
        self._size = 0
        self._settled: str | None = None
        self._for = self._from_nothing()
        self._against = 0
        #: Whether a number was matched only because it was not converted.
        self._is_mixed = False
        if state is not None:
            self._restore(state)
        else:
            self._settle(None)

    def __contains__(self, message_id: object) -> bool:
        """Whether an id was added that is written just so."""
        return message_id in self._verbatim.all_items

    def __len__(self) -> int:
        """How many pairs of an id and an item there are."""
        return self._size

    def __repr__(self) -> str:
        return f"<MessageIds {self.report()}>"

    # What is in it.

    def add(self, message_id: str, item: T) -> None:
        """Notes an id of a response.

        Args:
            message_id: as it came; an empty one is not noted, as nothing can be about it.
            item: what belongs to it; several may have the same id, and one several ids.
        """
        all_items = self._verbatim.all_items
        if message_id not in all_items and message_id:
            all_items[message_id] = item
        elif not message_id or self._verbatim.has(message_id, item):
            return
        else:
            self._verbatim.add(message_id, item)
        self._size += 1
        lower = message_id.lower()
        plain = lower.lstrip("0")
        if plain != message_id and self._loose and len(message_id) <= _LONGEST:
            self._made_plain.add(plain, item)
            if lower != message_id:
                self._in_lower_case.add(lower, item)

    def discard(self, message_id: str, item: T) -> None:
        """Forgets an id, if it is there with this item."""
        if not self._verbatim.has(message_id, item):
            return
        self._size -= 1
        self._verbatim.discard(message_id, item)
        lower = message_id.lower()
        plain = lower.lstrip("0")
        if plain != message_id and self._loose and len(message_id) <= _LONGEST:
            self._made_plain.discard(plain, item)
            if lower != message_id:
                self._in_lower_case.discard(lower, item)

    def _table_of(self, name: str) -> _Table:
        return self._in_lower_case if name == "case-insensitive" else self._made_plain

    # Looking up.

    def match(self, receipt_id: str) -> T | None:
        """The item that a receipt is about; None if there is none, or not one only.

        See :meth:`find`, which tells these two apart.
        """
        if self._settled == "verbatim":
            # Learnt, and then the rule; find() says the same in several times the time.
            item = self._verbatim.all_items.get(receipt_id, _NOTHING)
            if item.__class__ is not _Several and item is not _NOTHING:
                self.matched += 1
                if self._against:
                    self._against -= 1
                return item  # type: ignore[no-any-return]
        return self.find(receipt_id).item

    def find(self, receipt_id: str) -> Match[T]:
        """The item that a receipt is about, counted and learnt from.

        Args:
            receipt_id: the id of the receipt, as it came.
        """
        usable = self._usable(receipt_id)
        items = {item for each in usable.values() for item in each}
        if not items:
            self.unknown += 1
            return Match()
        if len(items) > 1:
            self.ambiguous += 1
            return Match(ambiguous=True)
        self.matched += 1
        self._learn(set(usable), receipt_id)
        return Match(cast(T, items.pop()), next(iter(usable)))

    def may_change(self, receipt_id: str) -> bool:
        """Whether an id that is added later may be the one, rather than what is found now.

        It may where ids are converted, for a number of up to eight digits: until it is found by
        the conversion, if it is known which. While that is learnt, it may as well for what is not
        written just like any id that is there. Nothing is counted, and nothing learnt.

        Args:
            receipt_id: the id of the receipt, as it came.
        """
        if not self.is_open:
            return False
        if self.is_learning and receipt_id not in self:
            return True
        plain = _plain(receipt_id)
        if len(plain) > _SHORT or self._reads(plain) <= {None}:
            return False
        settled = self.settled
        if settled not in _CONVERTING or settled not in self._find_loosely(receipt_id):
            return True
        # Found by the conversion: but where not every id is converted, it may be the other one.
        return self._is_mixed and receipt_id not in self

    def _reads(self, plain: str) -> set[str | None]:
        """How an id is written in the other base, where that is not the same; None as no number."""
        settled = self.settled
        names = [settled] if settled in _CONVERTING else list(self._readings)
        return {self._readings[name](plain) for name in names} - {plain}

    def _usable(self, receipt_id: str) -> dict[str, tuple[Any, ...]]:
        """What counts of that which the strategies find, the strictest first."""
        same = self._verbatim.items(receipt_id)
        if same and not self.is_open:
            return {"verbatim": same}
        found = self._find_loosely(receipt_id)
        if not same:
            return found if self._settled is None else self._by_settled(found)
        settled = self.settled
        if settled in _CONVERTING and not self._is_mixed:
            # It is known that ids are converted: the same digits are only the second best.
            return {settled: found[settled]} if settled in found else {"verbatim": same}
        # The same digits may be another number: then nobody can tell which it is.
        numbers = {settled} if settled in _CONVERTING else _CONVERTING
        return {"verbatim": same} | {
            name: items for name, items in found.items() if name in numbers
        }

    def _find_loosely(self, receipt_id: str) -> dict[str, tuple[Any, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        if not 1 <= len(receipt_id) <= _LONGEST:
            return found
        for name, key_of, table in self._keyed:
            key = key_of(receipt_id)
            if key is None or len(key) > _LONGEST:
                continue
            items = table.items(key)
            same = self._verbatim.items(key)  # an id that is written just so
            if items or same:
                several = {*items, *same}
                found[name] = tuple(several) if len(several) == 1 else _TOO_MANY
        return found

    # Learning.

    def _from_nothing(self) -> dict[str, int]:
        return dict.fromkeys(("verbatim", *self._loose), 0)

    def _by_settled(self, found: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        """What the strategy that was learnt found; the rest speaks against it."""
        name = cast(str, self._settled)
        if name in found:
            return {name: found[name]}
        if len({item for items in found.values() for item in items}) == 1:
            self._against += 1
            if self._against >= self._settle_after:
                self.forget()
        return {}

    def _learn(self, names: set[str], receipt_id: str) -> None:
        if self.strategy != "learn":
            return
        if names == {"verbatim"} and self.is_open and self._reads(_plain(receipt_id)):
            self._is_mixed = True
        if self._settled is not None:
            self._against = max(self._against - 1, 0)
            return
        for name in self._for:
            if name in names:
                self._for[name] += 1
            elif "verbatim" not in names:
                self._for[name] = 0
        settled = next(filter(self._is_certain, self._for), None)
        if settled is not None:
            self.lessons += 1
            self._settle(settled)

    def _is_certain(self, name: str) -> bool:
        """Whether enough speaks for a strategy, and less for reading ids as numbers."""
        count = self._for[name]
        rivals = (self._for.get(each, 0) for each in _CONVERTING if each != name)
        return count >= self._settle_after and count > max(rivals)

    def forget(self) -> None:
        """Begins to learn anew."""
        if self._settled is not None:
            self.lessons += 1
        self._settle(None)
        self._for = self._from_nothing()
        self._against = 0
        self._is_mixed = False

    def _settle(self, name: str | None) -> None:
        self._settled = name
        self.is_learning = self.settled is None
        self.is_open = self._converts and (name is None or name in _CONVERTING)

    @property
    def settled(self) -> str | None:
        """The strategy that is used besides ``verbatim``; None while it is being learnt."""
        return self._settled if self.strategy == "learn" else self.strategy

    def learn_from(self, other: MessageIds[Any]) -> None:
        """Takes over what another one with the same strategy has learnt."""
        self._restore(other.state())

    def report(self) -> str:
        """What has been learnt, and how receipts fared, in words and without any id."""
        if self.strategy != "learn":
            learnt = self.strategy
        elif self._settled is not None:
            learnt = f"learnt {self._settled!r}"
        else:
            seen = [f"{count} for {name!r}" for name, count in self._for.items() if count]
            learnt = f"learning ({', '.join(seen) or 'nothing seen yet'})"
        return (
            f"{learnt}; {self.matched} receipts matched, {self.unknown} of unknown messages, "
            f"{self.ambiguous} ambiguous"
        )

    def state(self) -> dict[str, Any]:
        """What has been learnt, as plain data for JSON; for ``state`` of a new one."""
        return {
            "settled": self._settled,
            "for": dict(self._for),
            "against": self._against,
            "mixed": self._is_mixed,
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        settled, against = state.get("settled"), state.get("against")
        counts = state.get("for")
        if not isinstance(counts, Mapping) or set(counts) != set(self._for):
            raise ValueError(f"state: {state!r} is not a state of {self.strategy!r}")
        if settled is not None and (self.strategy != "learn" or settled not in tuple(self._for)):
            raise ValueError(f"state: settled on {settled!r} is not a state of {self.strategy!r}")
        if not all(isinstance(count, int) and count >= 0 for count in (*counts.values(), against)):
            raise ValueError(f"state: {state!r} has counts that are none")
        self._settle(settled)
        self._for = {name: counts[name] for name in self._for}
        self._against = cast(int, against)
        self._is_mixed = bool(state.get("mixed"))
