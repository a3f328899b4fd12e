"""The options of ``twistd smpp esme`` that say how it binds and sends, and what they come to."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from twisted.python import usage

from twisted_smpp.esme.profile import Profile, ProfileError, names
from twisted_smpp.esme.sending import Sending
from twisted_smpp.factory import BIND_MODES
from twisted_smpp.passwords import password_from_file, read_password
from twisted_smpp.values import InterfaceVersion

__all__ = ["LINK", "LinkOptions", "link_settings"]

_VERSIONS = {version.text: version for version in InterfaceVersion}
_UNKNOWN = ("resend", "fail", "hold")
_ENDPOINT = "tcp:127.0.0.1:2775"

LINK: list[list[Any]] = [
    ["system-id", "u", None, "Who the ESME is."],
    ["password-file", "p", None, "File whose first line is the password; else SMPP_PASSWORD."],
    ["bind", "b", "transceiver", "transceiver, transmitter or receiver."],
    ["binds", None, 1, "Connections that share the sending.", int],
    ["system-type", None, None, "Kind of ESME, if the message centre asks for it."],
    ["interface-version", None, None, f"{', '.join(_VERSIONS)} (3.4)."],
    ["profile", None, "standard", f"What is special: {', '.join(names())}, or a TOML file."],
    ["window", "w", None, "Requests that may wait for their responses (10).", int],
    ["rate", None, None, "Messages a second, at most (no limit).", float],
    ["unknown", None, "resend", "What to do when a response is lost: resend, fail or hold."],
    ["longest-delay", None, 60.0, "Seconds until it connects again, at most.", float],
    [
        "enquire-interval",
        None,
        None,
        "Seconds of silence until enquire_link (30); 0: never.",
        float,
    ],
    ["response-timeout", None, None, "Seconds that a request waits for its response (30).", float],
]


class LinkOptions(usage.Options):
    """What ``LINK`` and the options that may be given again become; for ``ESMEOptions``."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["connect"] = []

    def opt_connect(self, endpoint: str) -> None:
        """Endpoint of the message centre; given again, what is tried next (tcp:127.0.0.1:2775)."""
        self["connect"].append(endpoint)

    opt_c = opt_connect

    def check_link(self) -> None:
        """Checks the options, reads the profile and the password.

        Raises:
            usage.UsageError: one cannot be used.
        """
        if not self["system-id"]:
            raise usage.UsageError("--system-id is needed")
        _check_choices(self)
        _check_numbers(self)
        try:
            self["profile"] = Profile.load(self["profile"])
        except ProfileError as error:
            raise usage.UsageError(f"--profile: {error}") from None
        self["connect"] = self["connect"] or [_ENDPOINT]
        path = self["password-file"]
        self["password"] = os.environ.get("SMPP_PASSWORD", "")
        if path is not None:
            try:
                read_password(path)
            except ValueError as error:
                raise usage.UsageError(f"--password-file: {error}") from None
            self["password"] = password_from_file(os.path.abspath(path))


def _check_choices(options: Any) -> None:
    known = {"bind": tuple(BIND_MODES), "interface-version": tuple(_VERSIONS), "unknown": _UNKNOWN}
    for name, choices in known.items():
        if options[name] is not None and options[name] not in choices:
            raise usage.UsageError(f"--{name} is one of {', '.join(choices)}")


def _check_numbers(options: Any) -> None:
    for name in ("binds", "window"):
        if options[name] is not None and options[name] < 1:
            raise usage.UsageError(f"--{name} is {options[name]}, at least 1 is needed")
    if options["rate"] is not None and not options["rate"] > 0:
        raise usage.UsageError("--rate has to be more than 0 messages a second")
    if (options["enquire-interval"] or 0) < 0:
        raise usage.UsageError("--enquire-interval is negative; 0 switches it off")
    for name in ("longest-delay", "response-timeout"):
        if options[name] is not None and not options[name] > 0:
            raise usage.UsageError(f"--{name} has to be more than 0 seconds")


def link_settings(options: Any) -> dict[str, Any]:
    """The arguments of an ESMEService or, for several binds, of an ESMEPool.

    What is not given is left to the profile.
    """
    profile: Profile = options["profile"]
    sending = Sending.of(profile, unknown=options["unknown"])
    settings: dict[str, Any] = {
        "endpoint": options["connect"],
        "system_id": options["system-id"],
        "password": options["password"],
        "bind": options["bind"],
        "profile": profile,
        "timers": _timers(options, profile),
        "first_delay": min(1.0, options["longest-delay"]),
        "longest_delay": options["longest-delay"],
    }
    rate, burst = sending.rate, sending.burst
    if options["rate"] is not None:
        rate, burst = options["rate"], None
    if options["binds"] > 1:
        # The rate is that of the account, however many links there are.
        settings |= {"binds": options["binds"], "rate": rate, "burst": burst}
        rate = burst = None
    settings["sending"] = replace(sending, rate=rate, burst=burst)
    for name in ("window", "system-type"):
        if options[name] is not None:
            settings[name.replace("-", "_")] = options[name]
    if options["interface-version"] is not None:
        settings["interface_version"] = _VERSIONS[options["interface-version"]]
    return settings


def _timers(options: Any, profile: Profile) -> Any:
    timers = profile.timers
    if options["response-timeout"] is not None:
        timers = timers._replace(response=options["response-timeout"])
    if options["enquire-interval"] is not None:
        timers = timers._replace(enquire_interval=options["enquire-interval"] or None)
    return timers
