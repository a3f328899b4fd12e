"""The distributions: what is in them, and that installing and removing them does no harm.

A plugin of Twisted is a file in Twisted's own package ``twisted.plugins``. An ``__init__.py``
beside it would overwrite Twisted's, and removing our package would take that away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
NOT_SOURCE = (".*", "build", "dist", "*.egg-info", "_build", "__pycache__")
PROFILES = "twisted_smpp/esme/profiles"
PLUGIN = "twisted/plugins/twisted_smpp_plugin.py"


def run(*command: str | Path, cwd: Path) -> str:
    # The checkout must not be found by way of the environment.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout, in which twistd has been used: there is a dropin.cache."""
    copy = tmp_path_factory.mktemp("source") / "twisted_smpp"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    for hidden in (".ci", ".editorconfig"):
        original = ROOT / hidden
        (shutil.copytree if original.is_dir() else shutil.copy)(original, copy / hidden)
    (copy / "twisted/plugins/dropin.cache").write_bytes(b"stale")
    return copy


@pytest.fixture(scope="module")
def distributions(source):
    """The folder with the wheel and the source distribution."""
    run(sys.executable, "-m", "build", "--sdist", "--wheel", ".", cwd=source)
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(distributions):
    (wheel,) = distributions.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel_names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def sdist_names(distributions):
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return [member.name.partition("/")[2] for member in archive if member.isfile()]


@pytest.fixture(scope="module")
def outputs(source, wheel, tmp_path_factory):
    """What the commands print: wheel installed, wheel removed, checkout installed editable."""
    outside = tmp_path_factory.mktemp("outside")
    venv.create(outside / "env", with_pip=True)
    scripts = outside / "env/bin"

    def pip(*arguments: str | Path) -> None:
        run(scripts / "pip", "--quiet", "--disable-pip-version-check", *arguments, cwd=outside)

    def twistd_help() -> str:
        return run(scripts / "twistd", "--help", cwd=outside)

    found = {}
    pip("install", wheel)
    found["installed"] = twistd_help()
    found["installed, one command"] = run(scripts / "twistd", "smpp", "--help", cwd=outside)
    found["script"] = run(scripts / "smpp", "--help", cwd=outside)
    pip("uninstall", "--yes", "twisted_smpp")
    found["removed"] = twistd_help()
    pip("install", "--editable", source)
    found["editable"] = twistd_help()
    return found


def lists_smpp(twistd_help: str) -> bool:
    return any(line.split()[:1] == ["smpp"] for line in twistd_help.splitlines())


def test_wheel_has_nothing_else_at_its_top(wheel_names):
    tops = {name.partition("/")[0] for name in wheel_names}
    (info,) = [top for top in tops if top.endswith(".dist-info")]

    assert tops == {"twisted", "twisted_smpp", info}


def test_wheel_adds_only_the_plugin_to_twisted(wheel_names):
    assert [name for name in wheel_names if name.startswith("twisted/")] == [PLUGIN]


def test_wheel_is_typed_and_has_the_licence(wheel_names):
    assert "twisted_smpp/py.typed" in wheel_names
    assert any(name.endswith("/LICENSE") for name in wheel_names)


def test_wheel_has_every_profile_and_no_other_data(wheel_names):
    profiles = {str(path.relative_to(ROOT)) for path in (ROOT / PROFILES).glob("*.toml")}
    data = [name for name in wheel_names if not name.endswith(".py") and ".dist-info/" not in name]

    assert f"{PROFILES}/standard.toml" in profiles
    assert sorted(data) == sorted({*profiles, "twisted_smpp/py.typed"})


def test_wheel_has_every_module(wheel_names):
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "twisted_smpp").rglob("*.py")}

    assert {name for name in wheel_names if name.endswith(".py")} == {*modules, PLUGIN}


@pytest.mark.parametrize(
    "name",
    [
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "docs/conf.py",
        "docs/index.md",
        "newsfragments/README.md",
        "pyproject.toml",
        "setup.cfg",
        "tests/conftest.py",
        "tests/test_packaging.py",
        "tox.ini",
        "twisted_smpp/py.typed",
        f"{PROFILES}/standard.toml",
        PLUGIN,
    ],
)
def test_sdist_has(sdist_names, name):
    assert name in sdist_names


def test_sdist_has_nothing_generated(sdist_names):
    suffixes = {name.rpartition("/")[2].rpartition(".")[2] for name in sdist_names}

    assert suffixes.isdisjoint({"cache", "pyc", "pyo", "so", "o"})
    assert not any(name.startswith(("build/", "docs/_build/", ".git/")) for name in sdist_names)


def test_no_distribution_overwrites_twisted(wheel_names, sdist_names):
    names = {*wheel_names, *sdist_names}

    assert names.isdisjoint({"twisted/__init__.py", "twisted/plugins/__init__.py"})


def test_installed_wheel_adds_to_twistd(outputs):
    assert lists_smpp(outputs["installed"])
    assert "Usage" in outputs["installed, one command"]


def test_installed_wheel_adds_the_script(outputs):
    assert "Usage" in outputs["script"]


def test_twistd_survives_removal(outputs):
    assert "Commands" in outputs["removed"]
    assert not lists_smpp(outputs["removed"])


def test_editable_install_adds_to_twistd(outputs):
    assert lists_smpp(outputs["editable"])
