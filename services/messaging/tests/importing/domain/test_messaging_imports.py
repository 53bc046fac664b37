"""Reactions that both an export and people here have changed (GW-11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.importing.domain import changed_pair, followed_reactions
from messaging.messages.domain.messages import Reaction

PEOPLE = st.lists(st.sampled_from(["ann", "bob", "eve"]), unique=True, min_size=1).map(tuple)
REACTIONS = st.dictionaries(st.sampled_from(["👍", "👀", "party-owl"]), PEOPLE).map(
    lambda found: tuple(Reaction(emoji, who) for emoji, who in found.items())
)


def pairs(reactions: tuple[Reaction, ...]) -> set[tuple[str, str]]:
    return {(reaction.emoji, who) for reaction in reactions for who in reaction.person_ids}


@pytest.mark.rule("GW-11")
@given(current=REACTIONS, base=REACTIONS, exported=REACTIONS)
def test_gw_11_only_what_the_export_has_changed_is_changed(
    current: tuple[Reaction, ...], base: tuple[Reaction, ...], exported: tuple[Reaction, ...]
) -> None:
    after = pairs(followed_reactions(current, base=base, exported=exported))

    assert after - pairs(current) == pairs(exported) - pairs(base) - pairs(current)
    assert pairs(current) - after == (pairs(base) - pairs(exported)) & pairs(current)


@given(current=REACTIONS, after=REACTIONS)
def test_the_pair_that_a_fact_names_is_one_that_differs(
    current: tuple[Reaction, ...], after: tuple[Reaction, ...]
) -> None:
    found = changed_pair(current, after)

    if found is None:
        assert pairs(current) == pairs(after)
        return
    emoji, person_id, removed = found
    assert ((emoji, person_id) in pairs(current)) is removed
    assert ((emoji, person_id) in pairs(after)) is not removed


def test_forms_of_an_emoji_are_no_difference() -> None:
    assert changed_pair((Reaction("+1", ("ann",)),), (Reaction("👍", ("ann",)),)) is None
