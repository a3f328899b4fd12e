"""What a probe finds out: one finding for each check, and the report of them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from twisted_smpp.events import Violation
from twisted_smpp.status import CommandStatus

__all__ = [
    "Finding",
    "Report",
    "Result",
    "Verdict",
    "inconclusive",
    "not_supported",
    "not_tried",
    "supported",
    "violation",
]


class Verdict(Enum):
    """What a check has come to."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    VIOLATION = "violation"
    NOT_TRIED = "not tried"
    INCONCLUSIVE = "inconclusive"


class Result(NamedTuple):
    """What a check returns.

    Attributes:
        verdict: what it has come to.
        said: the same in one sentence.
        status: the command_status that was seen, None when there was none.
        facts: what else was measured, ready for JSON.
    """

    verdict: Verdict
    said: str
    status: int | None = None
    facts: Mapping[str, Any] = {}


def supported(said: str, status: int | None = None, **facts: Any) -> Result:
    """It works as the standard says."""
    return Result(Verdict.SUPPORTED, said, status, facts)


def not_supported(said: str, status: int | None = None, **facts: Any) -> Result:
    """It is refused, which the standard allows."""
    return Result(Verdict.NOT_SUPPORTED, said, status, facts)


def violation(said: str, status: int | None = None, **facts: Any) -> Result:
    """The standard does not allow what was seen."""
    return Result(Verdict.VIOLATION, said, status, facts)


def not_tried(said: str) -> Result:
    """It was left out; ``said`` is why."""
    return Result(Verdict.NOT_TRIED, said)


def inconclusive(said: str, status: int | None = None, **facts: Any) -> Result:
    """What was seen says neither yes nor no."""
    return Result(Verdict.INCONCLUSIVE, said, status, facts)


class Finding(NamedTuple):
    """What one check has found.

    Attributes:
        name: of the check, for machines.
        title: of the check, for people.
        verdict, said, status, facts: as in the :class:`Result` of the check.
    """

    name: str
    title: str
    verdict: Verdict
    said: str
    status: int | None
    facts: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "check": self.name,
            "title": self.title,
            "verdict": self.verdict.value,
            "command_status": self.status,
            "status_name": None if self.status is None else CommandStatus(self.status).name,
            "said": self.said,
            "facts": dict(self.facts),
        }


@dataclass
class Report:
    """All that a probe has found.

    Attributes:
        findings: one for each check, in order.
        violations: what the session layer noticed besides, with the name of the check
            during which it did; the first 100.
        system_id: what the message centre calls itself, "" when it does not say.
        reached: whether it ever said anything.
        unreachable: why it could not be reached, "" when it could.
        accepted: how many messages it accepted.
        refused_deliveries: messages and receipts that it wanted to deliver to others than
            the probe, and was asked to keep.
        interrupted: whether :meth:`Probe.stop` ended it early.
    """

    findings: list[Finding] = field(default_factory=list)
    violations: list[tuple[str, Violation]] = field(default_factory=list)
    system_id: str = ""
    reached: bool = False
    unreachable: str = ""
    accepted: int = 0
    refused_deliveries: int = 0
    interrupted: bool = False

    def __getitem__(self, name: str) -> Finding:
        """The finding of a check.

        Raises:
            KeyError: it has none.
        """
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    @property
    def passed(self) -> bool:
        """Whether every bind that was tried was accepted, and nothing was violated."""
        return not self.violations and all(_is_good(finding) for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "system_id": self.system_id,
            "passed": self.passed,
            "interrupted": self.interrupted,
            "unreachable": self.unreachable or None,
            "messages_accepted": self.accepted,
            "deliveries_refused": self.refused_deliveries,
            "checks": [finding.as_dict() for finding in self.findings],
            "violations": [
                {
                    "check": check,
                    "reason": event.reason,
                    "command_id": event.command_id,
                    "sequence_number": event.sequence_number,
                }
                for check, event in self.violations
            ],
        }


def _is_good(finding: Finding) -> bool:
    if finding.name.startswith("bind_"):
        return finding.verdict in (Verdict.SUPPORTED, Verdict.NOT_TRIED)
    return finding.verdict is not Verdict.VIOLATION
