"""Finding out what a message centre supports and what it violates; ``smpp probe`` prints it."""

from twisted_smpp.probe.check import Check
from twisted_smpp.probe.findings import Finding, Report, Verdict
from twisted_smpp.probe.probe import Probe

__all__ = ["Check", "Finding", "Probe", "Report", "Verdict"]
