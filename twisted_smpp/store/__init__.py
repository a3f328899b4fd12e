"""What must outlive the process: messages on their way, of either role."""

from twisted_smpp.store.memory import MemoryStore
from twisted_smpp.store.record import Record
from twisted_smpp.store.sqlite import SQLiteStore

__all__ = ["MemoryStore", "Record", "SQLiteStore"]
