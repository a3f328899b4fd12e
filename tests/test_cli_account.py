# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""``smpp account``: what it changes in the file, and what it leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from accounts_kit import HASH, PASSWORD, account
from click.testing import CliRunner

from twisted_smpp.cli import atomically
from twisted_smpp.cli.main import main
from twisted_smpp.smsc.accounts import Accounts

OLD = f"""# Our customers.
[defaults]
rate = 50  # a second

# The shop pays late.
[accounts.shop]  # since 2024
password = "{HASH}"  # theirs
networks = [
  "192.0.2.0/24",
]
# rate = 20

# The bank.
[accounts."bank.example"]
password = '{HASH}'
"""


class Kit:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "accounts.toml"

    def run(self, command: str, *arguments: str, **more: Any) -> Any:
        more.setdefault("env", {"SMPP_PASSWORD": PASSWORD})
        return CliRunner().invoke(main, ["account", command, str(self.file), *arguments], **more)

    def works(self, command: str, *arguments: str, **more: Any) -> str:
        done = self.run(command, *arguments, **more)
        assert done.exit_code == 0, done.output
        return str(done.output)

    def fails(self, command: str, *arguments: str, code: int = 1, **more: Any) -> str:
        before = self.file.read_bytes() if self.file.exists() else None
        done = self.run(command, *arguments, **more)
        assert done.exit_code == code, done.output
        assert before == (self.file.read_bytes() if self.file.exists() else None)
        return str(done.output)

    @property
    def accounts(self) -> Accounts:
        return Accounts.load(self.file)

    @property
    def text(self) -> str:
        return self.file.read_text()


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    made = Kit(tmp_path)
    made.file.write_text(OLD)
    made.file.chmod(0o600)
    return made


def test_a_file_is_made_that_only_its_owner_may_read(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.works("add", "shop")
    assert kit.file.stat().st_mode & 0o777 == 0o600
    assert list(kit.accounts) == ["shop"]
    assert kit.accounts.warnings == []
    assert [each.name for each in tmp_path.iterdir()] == ["accounts.toml"]


def test_what_is_added_comes_behind_what_was_there(kit: Kit) -> None:
    kit.works("add", "new", "--network", "10.0.0.0/8", "--network", "::1/128", "--rate", "2.5")
    assert kit.text.startswith(OLD)
    new = kit.accounts["new"]
    assert list(map(str, new.networks or ())) == ["10.0.0.0/8", "::1/128"]
    assert (new.rate, new.max_binds) == (2.5, 10)
    assert new.password is not None
    assert new.password.matches(PASSWORD.encode())


@pytest.mark.parametrize("name", ["a.b", 'a"b', "a b", "a]b", "\xe9", "a\\b", "#", "'"])
def test_names_of_all_kinds(kit: Kit, name: str) -> None:
    kit.works("add", name)
    assert list(kit.accounts) == ["shop", "bank.example", name]
    kit.works("remove", name)
    assert kit.text == OLD


def test_removing_leaves_the_rest_and_what_is_said_of_the_next(kit: Kit) -> None:
    kit.works("remove", "shop")
    assert list(kit.accounts) == ["bank.example"]
    start, end = OLD.index("[accounts.shop]"), OLD.index("# rate = 20")
    assert kit.text == f"{OLD[:start]}\n{OLD[end:]}"
    kit.works("remove", "bank.example")
    assert "# The bank.\n" in kit.text
    assert dict(kit.accounts) == {}


def test_another_password_changes_one_line(kit: Kit) -> None:
    for name in ("shop", "bank.example"):
        kit.works("password", name, env={"SMPP_PASSWORD": "other"})
        found = kit.accounts[name].password
        assert found is not None
        assert found.matches(b"other")
    changed = [(a, b) for a, b in zip(OLD.splitlines(), kit.text.splitlines(), strict=True)]
    different = [(a, b) for a, b in changed if a != b]
    assert len(different) == 2
    assert different[0][1].endswith('"  # theirs')


def test_an_account_without_a_password_gets_one(kit: Kit) -> None:
    kit.file.write_text(account("shop", password=None, certificate_name="x"))
    kit.works("password", "shop")
    assert kit.accounts["shop"].password is not None
    assert kit.accounts["shop"].certificate_name == "x"


# Where the password comes from.


def test_O16_the_password_may_come_from_a_file(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("pass\xe9\nnot this\n", "latin-1")
    kit.works("add", "new", "--password-file", str(tmp_path / "word"))
    found = kit.accounts["new"].password
    assert found is not None
    assert found.matches(b"pass\xe9")


def test_O16_the_password_may_be_asked_for(kit: Kit) -> None:
    output = kit.works("add", "new", env={"SMPP_PASSWORD": None}, input="hidden\nhidden\n")
    assert "Password" in output
    assert "hidden" not in output
    found = kit.accounts["new"].password
    assert found is not None
    assert found.matches(b"hidden")


def test_O16_A16_no_argument_takes_a_password() -> None:
    group: Any = main.commands["account"]
    options = {each.name for command in group.commands.values() for each in command.params}
    assert options == {
        "file",
        "system_id",
        "password_file",
        "network",
        "rate",
        "max_binds",
        "others",
        "as_json",
    }


@pytest.mark.parametrize(
    ("word", "says"), [("", "empty"), ("123456789", "at most 9 are allowed"), ("€", "")]
)
def test_a_password_that_no_bind_can_have_is_refused(kit: Kit, word: str, says: str) -> None:
    output = kit.fails("add", "new", env={"SMPP_PASSWORD": word}, code=2)
    assert says in output
    assert not word or word not in output


def test_a_password_file_that_is_not_there(kit: Kit) -> None:
    assert "cannot read /nowhere" in kit.fails("add", "new", "-p", "/nowhere", code=2)


# What goes wrong.


def test_errors_are_one_line_and_change_nothing(kit: Kit) -> None:
    assert "there is an account 'shop' already" in kit.fails("add", "shop")
    assert "there is no account 'nobody'" in kit.fails("remove", "nobody")
    assert "there is no account 'nobody'" in kit.fails("password", "nobody")
    assert "accounts.toml: accounts.new.rate: -1.0 is not" in kit.fails("add", "new", "--rate=-1")
    assert "a system_id has 1 to 15" in kit.fails("add", "x" * 16)
    kit.file.unlink()
    assert "cannot be read: No such file" in kit.fails("list")
    assert "cannot be read: No such file" in kit.fails("remove", "shop")


@pytest.mark.parametrize(
    "text",
    [
        f'accounts = {{ shop = {{ password = "{HASH}" }} }}\n',
        f'accounts.shop.password = "{HASH}"\n',
        f'[accounts]\nshop.password = "{HASH}"\n',
        f'[accounts.a]\npassword = "{HASH}"\ncertificate_name = """\n[accounts.shop]\n"""\n'
        f'[accounts.shop]\npassword = "{HASH}"\n',
    ],
    ids=["inline", "dotted", "table", "text"],
)
def test_what_cannot_be_changed_by_lines_is_left_alone(kit: Kit, text: str) -> None:
    kit.file.write_text(text)
    kit.file.chmod(0o600)
    for command in ("remove", "password"):
        assert "only you can change; nothing was done" in kit.fails(command, "shop")


def test_a_failed_write_leaves_the_old_file(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomically.os, "fsync", full)
    assert "cannot be written: No space left on device" in kit.fails("add", "new")
    assert [each.name for each in tmp_path.iterdir()] == ["accounts.toml"]


def test_behind_a_link_the_file_is_changed(kit: Kit, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(kit.file)
    done = CliRunner().invoke(
        main, ["account", "add", str(link), "new"], env={"SMPP_PASSWORD": "x"}
    )
    assert done.exit_code == 0
    assert link.is_symlink()
    assert "new" in kit.accounts


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays_the_owner(kit: Kit) -> None:
    os.chown(kit.file, 12345, 23456)
    kit.works("add", "new")
    found = kit.file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 23456, 0o600)


# Looking.


def test_list(kit: Kit) -> None:
    kit.works("add", "new", "--max-binds", "3")
    assert kit.works("list").splitlines() == [
        "shop  at most 10 binds, 50/s, from 192.0.2.0/24",
        "bank.example  at most 10 binds, 50/s, from anywhere",
        "new  at most 3 binds, 50/s, from anywhere",
    ]
    kit.file.write_text(account(disabled=True, networks=[], rate=False))
    assert kit.works("list") == "esme  disabled, no limit, from nowhere\n"


def test_A16_list_shows_no_hashes(kit: Kit) -> None:
    shown = json.loads(kit.works("list", "--json"))
    assert [each["system_id"] for each in shown] == ["shop", "bank.example"]
    assert shown[0]["password"] is True
    assert shown[0]["networks"] == ["192.0.2.0/24"]
    assert shown[0]["routes"] == []
    assert shown[0]["modes"] == ["receiver", "transceiver", "transmitter"]
    assert all(HASH.split("$")[at] not in kit.works("list", "--json") for at in (4, 5))


def test_check(kit: Kit) -> None:
    assert kit.works("check") == "2 accounts\n"
    kit.file.chmod(0o644)
    assert "warning: accounts.toml: others may read the hashes" in kit.works("check")


def test_check_tells_every_problem_in_a_line(kit: Kit) -> None:
    kit.file.write_text(account("a", window=0, rat=1) + account("b", rate=-1))
    assert kit.fails("check").splitlines() == [
        "smpp account: accounts.toml: accounts.a.rat: unknown, do you mean rate?",
        "smpp account: accounts.toml: accounts.a.window: 0 is not a whole number, 1 to 100000",
        "smpp account: accounts.toml: accounts.b.rate: -1 is not a number, 0.01 to 1e+06, "
        "nor false",
    ]


def test_an_account_may_be_added_with_any_key(kit: Kit) -> None:
    keys = {
        "modes": ["receiver"],
        "sources": ["Shop", "4915*"],
        "destinations": ["49*"],
        "operations": ["submit_sm"],
        "certificate_name": "bank.example",
        "disabled": True,
        "window": 20,
        "burst": 5.5,
        "max_receivers": 2,
        "message_ids": "decimal",
        "receipts": "seconds",
    }
    sets = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]

    kit.works("add", "new", *[part for each in sets for part in ("--set", each)])

    *_, shown = json.loads(kit.works("list", "--json"))
    assert {key: shown[key] for key in keys} == keys
    assert kit.accounts["new"].password is not None


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        ("window", 2, "--set 'window' is no KEY=VALUE"),
        ("window = 1\nrate = 1", 2, "is no KEY=VALUE"),
        ("modes = receiver", 2, "is no KEY=VALUE; texts are in quotes, lists in [ ]"),
        ("window = 1999-01-01", 2, "is no KEY=VALUE"),
        ("password = 'secret'", 2, "--set has no password"),
        ("windw = 1", 1, "accounts.toml: accounts.new.windw: unknown, do you mean window?"),
        ("window = 0", 1, "accounts.new.window: 0 is not a whole number"),
        ("modes = ['tx']", 1, "accounts.new.modes: 'tx' is not one of transmitter, receiver"),
    ],
)
def test_O16_a_key_that_is_none_is_told_and_changes_nothing(
    kit: Kit, value: str, code: int, says: str
) -> None:
    assert says in kit.fails("add", "new", "--set", value, code=code)


@pytest.mark.parametrize("command", ["add", "password", "remove", "list", "check"])
def test_help_shows_an_example(command: str) -> None:
    done = CliRunner().invoke(main, ["account", command, "--help"])
    assert f"  smpp account {command} /etc/smpp/accounts.toml" in done.output
