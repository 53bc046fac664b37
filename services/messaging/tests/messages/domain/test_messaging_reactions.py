"""Reactions are sets of people by emoji, and an emoji has one form (MSG-16)."""

import pytest
from messaging.messages.domain.messages import Reaction
from messaging.messages.domain.states import check_emoji, merged_reactions, reacted

STORED = (Reaction("+1", ("ann",)), Reaction("❤", ("ann",)), Reaction("thumbsup", ("bob", "ann")))


@pytest.mark.rule("MSG-16")
@pytest.mark.parametrize("given", ["+1", "thumbsup", ":thumbsup:", "👍"])
def test_msg_16_every_form_of_an_emoji_is_the_same_reaction(given: str) -> None:
    assert check_emoji(given) == "👍"
    first = reacted((), emoji=check_emoji(given), person_id="ann", remove=False)
    again = reacted(first, emoji=check_emoji("👍"), person_id="ann", remove=False)

    assert again == (Reaction("👍", ("ann",)),)
    assert reacted(again, emoji=check_emoji(given), person_id="ann", remove=True) == ()


@pytest.mark.rule("MSG-16")
def test_msg_16_reactions_that_were_stored_in_several_forms_become_one() -> None:
    assert merged_reactions(STORED) == (Reaction("👍", ("ann", "bob")), Reaction("❤️", ("ann",)))
    assert reacted(STORED, emoji="👍", person_id="eve", remove=False) == (
        Reaction("👍", ("ann", "bob", "eve")),
        Reaction("❤️", ("ann",)),
    )
    assert reacted(STORED, emoji="👍", person_id="ann", remove=True) == (
        Reaction("👍", ("bob",)),
        Reaction("❤️", ("ann",)),
    )
