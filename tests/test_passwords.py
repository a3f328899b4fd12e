"""Where passwords come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from twisted_smpp import password_from_environment, password_from_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_read_for_each_bind(tmp_path: Path) -> None:
    file = tmp_path / "password"
    password = password_from_file(file)
    with pytest.raises(ValueError, match=r"cannot read .*password: No such file"):
        password()
    file.write_bytes(b"s\xe9cret\r\nand a comment\n")
    assert password() == "s\xe9cret"
    file.write_text("other")
    assert password() == "other"


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMPP_PASSWORD", raising=False)
    password = password_from_environment()
    with pytest.raises(ValueError, match="the variable SMPP_PASSWORD is not set"):
        password()
    monkeypatch.setenv("SMPP_PASSWORD", "secret")
    monkeypatch.setenv("OTHER", "secret2")
    assert password() == "secret"
    assert password_from_environment("OTHER")() == "secret2"
