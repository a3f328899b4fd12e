from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from centre_kit import both_stores
from swarm_kit import Life, Planned

SEEDS = int(os.environ.get("CENTRE_SCHEDULES", "100"))
MOVES = 80


@both_stores
@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_every_promise_is_kept(kind: str, first: int, tmp_path: Path, logged_errors: Any) -> None:
    for seed in range(first, first + 10):
        path = tmp_path / str(seed)
        path.mkdir()
        Life(seed, kind, path).run(MOVES)
    logged_errors.flush(Planned)
