"""The states and the two sides."""

from __future__ import annotations

from twisted_smpp.states import BOUND, CONNECTED, Role, State


def test_each_side_has_the_other() -> None:
    assert Role.ESME.peer is Role.MC
    assert Role.MC.peer is Role.ESME


def test_groups_of_states() -> None:
    assert [state.name for state in BOUND] == ["BOUND_TX", "BOUND_RX", "BOUND_TRX"]
    assert set(CONNECTED) == set(State) - {State.CLOSED}


def test_each_state_says_what_it_is() -> None:
    assert len({state.value for state in State}) == len(State) == 7
