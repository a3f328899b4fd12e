"""Characters and octets of short messages. Knows no Twisted."""
