"""Octets and PDUs. Knows no Twisted."""
