"""The ``smpp`` command and its parts."""

from __future__ import annotations

import click

from twisted_smpp.cli.account import account
from twisted_smpp.cli.control import control
from twisted_smpp.cli.decode import decode
from twisted_smpp.cli.listen import listen
from twisted_smpp.cli.printing import Commands
from twisted_smpp.cli.probe import probe
from twisted_smpp.cli.send import send
from twisted_smpp.cli.store import store
from twisted_smpp.cli.text import text

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twisted_smpp", message="twisted_smpp %(version)s")
def main() -> None:
    """Tools for SMPP: for texts, PDUs, message centres, their accounts, stores and daemons."""


main.add_command(send)
main.add_command(listen)
main.add_command(probe)
main.add_command(decode)
main.add_command(text)
main.add_command(account)
main.add_command(store)
main.add_command(control)
