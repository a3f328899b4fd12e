"""Profiles: every key, every mistake in one line, and what a service makes of them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from esme_kit import ServiceWorld
from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.esme import profile as profiles
from twisted_smpp.esme.profile import Profile, ProfileError, names
from twisted_smpp.esme.sending import Sending
from twisted_smpp.events import Timers
from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.message_id import STRATEGIES
from twisted_smpp.text.receipt_forms import FORMS, STANDARD, VODAFONE
from twisted_smpp.text.rules import DEFAULT_ALPHABETS, Method, TextRules
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import tlvs

PACKAGED = ["jsmpp-simulator", "latin-1", "node-smpp", "standard"]
#: The profile of the module's own documentation.
EXAMPLE = (profiles.__doc__ or "").partition("::")[2]


def parsed(text: str) -> Profile:
    return Profile.parse(text, "some/place/centre.toml")


def mistake_in(text: str) -> str | None:
    try:
        parsed(text)
    except ProfileError as error:
        return str(error)
    return None


# What comes with the package.


def test_the_packaged_profiles_are_listed() -> None:
    assert names() == PACKAGED
    folder = files("twisted_smpp.esme") / "profiles"
    assert {each.name for each in folder.iterdir()} == {f"{name}.toml" for name in PACKAGED}


@pytest.mark.parametrize("name", PACKAGED)
def test_the_packaged_profiles_load(name: str) -> None:
    profile = Profile.load(name)
    assert profile.name == name
    assert (profile == Profile()) == (name == "standard")


def test_what_the_packaged_profiles_say() -> None:
    assert Profile.load("latin-1").text == TextRules(default_alphabet="latin-1")
    assert Profile.load("node-smpp").text.codecs == {1: "gsm0338"}
    assert Profile.load("jsmpp-simulator").ids == "hex to decimal"


# Where they come from.


@pytest.mark.parametrize("name", ["centre.toml", "sub.folder/centre.toml", "sub.folder/centre"])
def test_a_path_has_a_slash_or_the_ending(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub.folder").mkdir()
    Path(name).write_text("[link]\nwindow = 7  # ü", "utf-8")
    profile = Profile.load(name)
    assert (profile.name, profile.link) == ("centre", {"window": 7})


def test_a_name_that_is_no_path_is_one_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin-1").write_text("[link]\nwindow = 7", "utf-8")
    assert Profile.load("latin-1").link == {}
    message = f"^profile 'centre' is not one of {', '.join(PACKAGED)}$"
    with pytest.raises(ProfileError, match=message):
        Profile.load("centre")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# \xfc")
    for path, why in (
        (tmp_path / "none.toml", "No such file or directory"),
        (latin, "it is not UTF-8"),
    ):
        with pytest.raises(ProfileError) as raised:
            Profile.load(str(path))
        assert str(raised.value) == f"{path}: cannot be read: {why}"
    with pytest.raises(ProfileError, match=r"cannot be read: Is a directory$"):
        Profile.load(f"{tmp_path}/")


def test_a_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "centre.toml"
    path.write_text("[link]\nwindow = 0", "utf-8")
    with pytest.raises(ProfileError) as raised:
        Profile.load(str(path))
    assert str(raised.value) == f"{path}: link.window: 0 is not a whole number above 0"


# Every key.


def test_an_empty_profile_is_the_standard() -> None:
    profile = parsed("")
    assert profile == Profile(name="centre")
    assert (profile.text, profile.ids, profile.form) == (TextRules(), "learn", STANDARD)
    assert (profile.receipt_seconds, profile.timers) == (None, Timers())
    assert profile.link == profile.fields == profile.tlvs == {}


def test_the_example_of_the_documentation() -> None:
    profile = parsed(EXAMPLE)
    assert profile.text == TextRules(
        default_alphabet="latin-1",
        languages=(Language.TURKISH,),
        latin_1=True,
        method=Method.SAR,
        codecs={1: "gsm0338"},
    )
    assert (profile.ids, profile.form) == ("hex-decimal", VODAFONE)
    assert profile.receipt_seconds == 86_400
    assert profile.query_after == 3600
    assert profile.link == {
        "window": 5,
        "rate": 20.0,
        "burst": 5.0,
        "interface_version": InterfaceVersion.V3_4,
        "system_type": "VMA",
    }
    assert profile.timers == Timers(response=60.0, enquire_interval=15.0)
    assert profile.fields == {"service_type": "CMT"}
    assert profile.tlvs == {0x1400: b"1101", tlvs.dest_addr_subunit: 1}


def test_what_the_example_says_is_allowed_is_allowed() -> None:
    for method in ("udh8", "udh16", "sar", "payload"):
        assert parsed(f'[text]\nmethod = "{method}"').text.method is Method(method)


@pytest.mark.parametrize("alphabet", DEFAULT_ALPHABETS)
def test_text_default_alphabet(alphabet: str) -> None:
    rules = parsed(f'[text]\ndefault_alphabet = "{alphabet}"').text
    assert rules == TextRules(default_alphabet=alphabet)


def test_text_languages() -> None:
    every = ", ".join(f'"{language.name.lower()}"' for language in Language)
    assert parsed(f"[text]\nlanguages = [{every}]").text.languages == tuple(Language)


@pytest.mark.parametrize("key", ["latin_1", "graphemes", "transliterate"])
@pytest.mark.parametrize("value", [True, False])
def test_text_switches(key: str, value: bool) -> None:
    switched: Any = {key: value}
    assert parsed(f"[text]\n{key} = {str(value).lower()}").text == TextRules(**switched)


def test_text_codecs_by_any_number() -> None:
    codecs = '{ 1 = "gsm0338", 0xF5 = "latin-1", "0b10" = "utf-8" }'
    assert parsed(f"[text]\ncodecs = {codecs}").text.codecs == {
        1: "gsm0338",
        0xF5: "latin-1",
        2: "utf-8",
    }


@pytest.mark.parametrize("ids", STRATEGIES)
def test_receipts_ids(ids: str) -> None:
    assert parsed(f'[receipts]\nids = "{ids}"').ids == ids


@pytest.mark.parametrize("form", FORMS)
def test_receipts_form(form: str) -> None:
    assert parsed(f'[receipts]\nform = "{form}"').form is FORMS[form]


@pytest.mark.parametrize("version", InterfaceVersion)
@pytest.mark.parametrize("quote", ['"', ""])
def test_link_interface_version(version: InterfaceVersion, quote: str) -> None:
    text = f"[link]\ninterface_version = {quote}{version.text}{quote}"
    assert parsed(text).link == {"interface_version": version}


def test_timers() -> None:
    text = "[timers]\nbind = 1\nresponse = 2.5\nenquire_interval = 3\nenquire = 4\nidle = 5"
    assert parsed(text).timers == Timers(1.0, 2.5, 3.0, 4.0, 5.0)
    off = parsed("[timers]\nenquire_interval = false\nidle = false").timers
    assert off == Timers(enquire_interval=None, idle=None)


def test_submit_sm_fields() -> None:
    text = '[submit_sm]\nservice_type = "CMT"\nprotocol_id = 64\nsource_addr_ton = 5'
    expected = {"service_type": "CMT", "protocol_id": 64, "source_addr_ton": 5}
    assert parsed(text).fields == expected


def test_tlvs_by_name_and_by_tag() -> None:
    profile = parsed(
        '[tlvs]\n0x1400 = "hex:31FF"\n5121 = "Gr\u00fc\u00dfe"\n0x0005 = 2\n'
        'message_payload = "hex:00"\nprivacy_indicator = 1'
    )
    assert profile.tlvs == {
        0x1400: b"1\xff",
        0x1401: b"Gr\xfc\xdfe",
        tlvs.dest_addr_subunit: 2,
        tlvs.message_payload: b"\x00",
        tlvs.privacy_indicator: 1,
    }


# Every mistake.

SECTIONS = {
    "text": [*TextRules.__dataclass_fields__],
    "receipts": ["ids", "form", "seconds", "query_after"],
    "link": ["window", "rate", "burst", "interface_version", "system_type"],
    "timers": [*Timers._fields],
    "submit_sm": ["service_type", "priority_flag", "short_message"],
    "tlvs": ["0x1400", "dest_addr_subunit", "message_payload", "message_state", "x"],
}
MOST = "and at most 1e+09"
NUMBER = f"is not a number above 0 {MOST}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "links = {}",
            "links: unknown, it is one of text, receipts, link, timers, submit_sm, tlvs",
        ),
        ("x = 1", "x: unknown, it is one of text, receipts, link, timers, submit_sm, tlvs"),
        ("link = 1", "link: a table is needed, [link]"),
        ("[[text]]", "text: a table is needed, [text]"),
        # [text]
        (
            "[text]\nalphabet = 1",
            "text.alphabet: unknown, it is one of default_alphabet, languages, latin_1, method, "
            "graphemes, transliterate, codecs",
        ),
        (
            '[text]\ndefault_alphabet = "ebcdic"',
            "text.default_alphabet: 'ebcdic' is not one of gsm0338, gsm0338-packed, latin-1, "
            "ascii, utf-8",
        ),
        (
            "[text]\ndefault_alphabet = []",
            "text.default_alphabet: [] is not one of " + ", ".join(DEFAULT_ALPHABETS),
        ),
        ('[text]\nlanguages = "turkish"', "text.languages: 'turkish' is not a list"),
        ("[text]\nlanguages = 1", "text.languages: 1 is not a list"),
        (
            '[text]\nlanguages = ["turkish", "klingon"]',
            "text.languages: 'klingon' is not one of "
            + ", ".join(language.name.lower() for language in Language),
        ),
        ('[text]\nlatin_1 = "no"', "text.latin_1: 'no' is neither true nor false"),
        ("[text]\ngraphemes = 0", "text.graphemes: 0 is neither true nor false"),
        ("[text]\ntransliterate = []", "text.transliterate: [] is neither true nor false"),
        ("[text]\nmethod = 8", "text.method: 8 is not one of udh8, udh16, sar, payload"),
        ("[text]\nmethod = []", "text.method: [] is not one of udh8, udh16, sar, payload"),
        ('[text]\nmethod = "x"', "text.method: 'x' is not one of udh8, udh16, sar, payload"),
        ('[text]\ncodecs = ["x"]', "text.codecs: ['x'] is not a table"),
        (
            '[text]\ncodecs = { gsm = "ascii" }',
            "text.codecs: 'gsm' is not a data_coding, 0 to 255",
        ),
        ('[text]\ncodecs = { 256 = "x" }', "text.codecs: 256 is not a data_coding, 0 to 255"),
        ('[text]\ncodecs = { 1 = "x" }', "text.codecs: Python has no text codec 'x'"),
        ("[text]\ncodecs = { 1 = 2 }", "text.codecs: Python has no text codec 2"),
        # [receipts]
        (
            "[receipts]\nid = 1",
            "receipts.id: unknown, it is one of ids, form, seconds, query_after",
        ),
        (
            '[receipts]\nids = "hex"',
            "receipts.ids: 'hex' is not one of verbatim, case-insensitive, leading zeros, "
            "hex to decimal, decimal to hex, hex-decimal, learn",
        ),
        ("[receipts]\nids = {}", "receipts.ids: {} is not one of " + ", ".join(STRATEGIES)),
        ('[receipts]\nform = "x"', "receipts.form: 'x' is not one of standard, vodafone"),
        ("[receipts]\nform = []", "receipts.form: [] is not one of standard, vodafone"),
        ("[receipts]\nquery_after = 0", f"receipts.query_after: 0 {NUMBER}"),
        ("[receipts]\nseconds = 0", f"receipts.seconds: 0 {NUMBER}"),
        ("[receipts]\nseconds = true", f"receipts.seconds: True {NUMBER}"),
        ('[receipts]\nseconds = "1d"', f"receipts.seconds: '1d' {NUMBER}"),
        # [link]
        (
            "[link]\nsystem_id = 1",
            "link.system_id: unknown, it is one of window, rate, burst, interface_version, "
            "system_type",
        ),
        ("[link]\nwindow = 0", "link.window: 0 is not a whole number above 0"),
        ("[link]\nwindow = 2.5", "link.window: 2.5 is not a whole number above 0"),
        ("[link]\nwindow = true", "link.window: True is not a whole number above 0"),
        ("[link]\nrate = 0", f"link.rate: 0 {NUMBER}"),
        ("[link]\nrate = -1.5", f"link.rate: -1.5 {NUMBER}"),
        ("[link]\nrate = inf", f"link.rate: inf {NUMBER}"),
        ("[link]\nrate = nan", f"link.rate: nan {NUMBER}"),
        (f"[link]\nrate = 1{'0' * 400}", f"link.rate: 1{'0' * 400} {NUMBER}"),
        ("[link]\nburst = 0.5", f"link.burst: 0.5 is not a number of at least 1 {MOST}"),
        (
            '[link]\ninterface_version = "3.5"',
            "link.interface_version: '3.5' is not one of 3.3, 3.4, 5.0",
        ),
        (
            "[link]\ninterface_version = []",
            "link.interface_version: '[]' is not one of 3.3, 3.4, 5.0",
        ),
        ("[link]\nsystem_type = 5", "link.system_type = 5: int given, str wanted"),
        (
            '[link]\nsystem_type = "xxxxxxxxxxxxx"',
            "link.system_type = 'xxxxxxxxxxxxx': takes 14 octets with its NUL, at most 13 are "
            "allowed",
        ),
        # [timers]
        (
            "[timers]\nenquire_link = 1",
            "timers.enquire_link: unknown, it is one of bind, response, enquire_interval, "
            "enquire, idle",
        ),
        ("[timers]\nresponse = false", f"timers.response: False {NUMBER}"),
        ("[timers]\nbind = false", f"timers.bind: False {NUMBER}"),
        ("[timers]\nenquire = false", f"timers.enquire: False {NUMBER}"),
        ("[timers]\nidle = true", f"timers.idle: True {NUMBER}"),
        ("[timers]\nenquire_interval = 0", f"timers.enquire_interval: 0 {NUMBER}"),
        # [submit_sm]
        ("[submit_sm]\nservice_type = 5", "submit_sm.service_type = 5: int given, str wanted"),
        (
            "[submit_sm]\npriority_flag = 256",
            "submit_sm.priority_flag = 256: 256 is not within 0 to 255",
        ),
        (
            '[submit_sm]\nservice_type = "\u20ac"',
            "submit_sm.service_type = '\u20ac': holds a character outside latin-1",
        ),
        # [tlvs]
        ("[tlvs]\nnobody = 1", "tlvs.nobody: neither a TLV nor a tag"),
        ('[tlvs]\n"a\\nb" = 1', "tlvs.'a\\nb': neither a TLV nor a tag"),
        ('[tlvs]\n65536 = "x"', "tlvs.65536 = 'x': 65536 is not within 0 to 0xffff"),
        (
            "[tlvs]\n0x1400 = 1",
            "tlvs.0x1400 = 1: int given; not registered, so bytes wanted",
        ),
        (
            "[tlvs]\ndest_addr_subunit = -1",
            "tlvs.dest_addr_subunit = -1: -1 does not fit 1 octets",
        ),
        (
            "[tlvs]\n0x0005 = 1\ndest_addr_subunit = 1",
            "tlvs.dest_addr_subunit: given twice",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ProfileError) as raised:
        parsed(text)
    assert str(raised.value) == f"some/place/centre.toml: {message}"


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("[link", "Expected"),
        ("[link]\nwindow = 1\nwindow = 2", "Cannot overwrite a value"),
        ('[tlvs]\n0x1400 = "hex:3"', "tlvs.0x1400 = 'hex:3': "),
        ('[tlvs]\n0x1400 = "\u20ac"', "tlvs.0x1400 = '\u20ac': 'latin-1' codec"),
        ('"a\\nb" = 1', "'a\\nb': unknown"),
    ],
)
def test_a_mistake_that_python_finds_is_told_too(text: str, begin: str) -> None:
    with pytest.raises(ProfileError) as raised:
        parsed(text)
    assert str(raised.value).startswith(f"some/place/centre.toml: {begin}")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    "key", ["short_message", "data_coding", "esm_class", "destination_addr", "dest_addr_ton"]
)
def test_what_send_decides_itself_is_refused(key: str) -> None:
    with pytest.raises(ProfileError, match=rf"submit_sm\.{key}: unknown, it is one of service_"):
        parsed(f"[submit_sm]\n{key} = 1")


VALUES = r"""true false 0 1 -1 2.5 inf nan 99999999999999999999 1e300 "" "x" "3.4" "hex:" "hex:0"
"sar" [] [1] ["turkish"] [[]] {} {1="ascii"} {x=1} {1=[]} 2026-01-01 12:00:00 "\u0000" "\n"
"""
values = st.sampled_from(VALUES.split())


@given(
    st.lists(
        st.sampled_from(sorted(SECTIONS)).flatmap(
            lambda section: st.tuples(
                st.just(section), st.dictionaries(st.sampled_from(SECTIONS[section]), values)
            )
        ),
        unique_by=lambda each: each[0],
    )
)
def test_whatever_it_says_it_can_be_used_or_the_mistake_is_told_in_one_line(
    sections: list[tuple[str, dict[str, str]]],
) -> None:
    text = "".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for section, keys in sections
    )
    mistake = mistake_in(text)
    if mistake is None:
        assert ServiceWorld(profile=parsed(text)).service.state.name == "CLOSED"
        return
    first, _, rest = mistake.partition(": ")
    assert first == "some/place/centre.toml"
    assert rest.partition(".")[0] in [section for section, _ in sections]
    assert len(mistake.splitlines()) == 1


@given(st.text() | st.text("[]=\"'{}.\n \\x1a"))
def test_any_text_is_a_profile_or_a_profile_error(text: str) -> None:
    mistake = mistake_in(text)
    assert mistake is None or len(mistake.splitlines()) == 1


# What a service makes of it.


def service(profile: str, **settings: Any) -> Any:
    return ServiceWorld(profile=parsed(profile), **settings).service


def test_a_service_takes_what_the_profile_says() -> None:
    it = service(EXAMPLE)
    assert it.factory.window == 5
    assert it.factory.timers == Timers(response=60.0, enquire_interval=15.0)
    assert it.factory.interface_version is InterfaceVersion.V3_4
    assert it.factory.bind_request().system_type == "VMA"
    assert (it.sender.pace.window, it.sender.pace.rate) == (5, 20.0)
    assert sum(it.sender.pace.may_send(0.0) for _ in range(10)) == 5
    assert it.text.method is Method.SAR


def test_a_service_without_a_profile_has_the_standard() -> None:
    it = ServiceWorld().service
    assert (it.factory.window, it.sender.pace.rate) == (10, None)
    assert it.factory.timers == Timers()
    assert it.factory.interface_version is InterfaceVersion.V3_4
    assert it.text == TextRules()


def test_a_service_takes_the_name_of_a_profile() -> None:
    assert ServiceWorld(profile="latin-1").service.text.default_alphabet == "latin-1"
    with pytest.raises(ProfileError, match="'atlantis' is not one of"):
        ServiceWorld(profile="atlantis")


def test_the_version_of_the_profile_is_the_one_of_the_bind() -> None:
    it = service('[link]\ninterface_version = "5.0"')
    assert it.factory.bind_request().interface_version == 0x50


def test_what_is_given_counts_more_than_the_profile() -> None:
    text = TextRules()
    it = service(
        EXAMPLE,
        window=2,
        system_type="",
        timers=Timers(response=7.0),
        interface_version=InterfaceVersion.V5_0,
        sending=Sending(rate=3.0),
        text=text,
    )
    assert (it.factory.window, it.sender.pace.window, it.sender.pace.rate) == (2, 2, 3.0)
    assert it.factory.timers == Timers(response=7.0)
    assert it.factory.interface_version is InterfaceVersion.V5_0
    assert it.factory.bind_request().system_type == ""
    assert it.text is text


def test_fields_and_tlvs_of_the_profile_are_in_each_submit_sm() -> None:
    profile = parsed('[submit_sm]\nservice_type = "CMT"\n[tlvs]\n0x1400 = "hex:3131"')
    world = ServiceWorld(profile=profile)
    seen: list[Any] = []
    smsc = world.start()
    smsc.add_tap(lambda direction, pdu, octets, time: seen.append(pdu))
    world.service.send("+491761234567", "Hi", receipt=False)
    world.flush()
    (submit,) = [pdu for pdu in seen if pdu.command == "submit_sm"]
    assert submit.service_type == "CMT"
    assert submit.tlvs[0x1400] == b"11"
    world.stopped(world.service.stopService())
