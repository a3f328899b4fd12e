"""The ``smpp`` command."""

from twisted_smpp.cli.main import main

__all__ = ["main"]
