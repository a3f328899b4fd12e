"""Daemons that are ended, whatever becomes of the test."""

import pytest
from chaos_kit import Ledger, Smsc


@pytest.fixture
def smsc(tmp_path):
    """Makes message centres; those that still run at the end are killed."""
    made = []

    def make(*arguments, store=None, folder=tmp_path):
        made.append(Smsc(folder, *arguments, store=store))
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture
def ledger(tmp_path):
    """Makes ledgers by their names."""
    made = []

    def make(name):
        made.append(Ledger(tmp_path / name))
        return made[-1]

    yield make
    for each in made:
        each.close()
