"""The ``twistd smpp`` plugin."""
