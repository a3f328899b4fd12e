"""What tests of the text wing share."""

from __future__ import annotations

import os

from hypothesis import settings

#: Properties of the text wing are looked at with so many examples.
text_examples = settings(max_examples=2000 if os.environ.get("CI") else 100)
