"""Counters of references that outlive the process, in a file of SQLite."""

import sqlite3
from collections.abc import MutableMapping


class Counters(MutableMapping):
    """A number for each source and destination; :class:`~twisted_smpp.text.References` counts."""

    def __init__(self, path):
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS counters"
            " (source TEXT, destination TEXT, number INTEGER, PRIMARY KEY (source, destination))"
        )

    def __getitem__(self, key):
        found = self._db.execute(
            "SELECT number FROM counters WHERE source = ? AND destination = ?", key
        ).fetchone()
        if found is None:
            raise KeyError(key)
        return found[0]

    def __setitem__(self, key, number):
        self._db.execute("REPLACE INTO counters VALUES (?, ?, ?)", (*key, number))

    def __delitem__(self, key):
        self[key]
        self._db.execute("DELETE FROM counters WHERE source = ? AND destination = ?", key)

    def __iter__(self):
        return iter(self._db.execute("SELECT source, destination FROM counters").fetchall())

    def __len__(self):
        return self._db.execute("SELECT count(*) FROM counters").fetchone()[0]

    def close(self):
        self._db.close()
