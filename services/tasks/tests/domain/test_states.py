import pytest
from hypothesis import given
from hypothesis import strategies as st
from tasks.domain.refusals import TransitionNotAllowed
from tasks.domain.states import FOLLOWING, State, check_transition

ALLOWED = {
    ("todo", "doing"),
    ("todo", "cancelled"),
    ("doing", "todo"),
    ("doing", "blocked"),
    ("doing", "done"),
    ("doing", "cancelled"),
    ("blocked", "todo"),
    ("blocked", "doing"),
    ("blocked", "done"),
    ("blocked", "cancelled"),
    ("done", "doing"),
    ("cancelled", "todo"),
}


@given(source=st.sampled_from(State), target=st.sampled_from(State))
def test_tsk_01_exactly_the_listed_transitions_are_allowed(source: State, target: State) -> None:
    if source is target or (source.value, target.value) in ALLOWED:
        check_transition(source=source, target=target)
    else:
        with pytest.raises(TransitionNotAllowed):
            check_transition(source=source, target=target)


def test_tsk_01_every_state_can_be_reached_and_left() -> None:
    assert set(FOLLOWING) == set(State)
    assert {target for targets in FOLLOWING.values() for target in targets} == set(State)
    assert all(FOLLOWING.values())


def test_tsk_01_a_refused_transition_says_what_is_possible() -> None:
    with pytest.raises(TransitionNotAllowed) as refused:
        check_transition(source=State.TODO, target=State.DONE)

    assert refused.value.reason == "TRANSITION_NOT_ALLOWED"
    assert refused.value.metadata["allowed"] == "doing, cancelled"
    assert "todo cannot become done" in refused.value.message()
