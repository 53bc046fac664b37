import pytest
from plexuskit.errors import InvalidArgument
from plexuskit.paging import InvalidPageToken, Listing, from_milliseconds
from tasks.domain import inputs
from tasks.domain.identity import PersonId
from tasks.domain.refusals import TooManyAssignees, TooManyMembers

OWNER = PersonId("per_owner")


@pytest.mark.parametrize("text", ["a", "任" * 500, "  padded  "])
def test_titles_of_1_to_500_characters_are_taken(text: str) -> None:
    assert inputs.title(text) == text.strip()


@pytest.mark.parametrize("text", ["", "   ", "a" * 501, "\u200b\u202e", "\x00"])
def test_other_titles_are_refused_with_the_field(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        inputs.title(text)

    assert refused.value.metadata["field"] == "title"


def test_titles_and_names_of_projects_hold_no_tricks() -> None:
    assert inputs.title("two\nlines \u202etxt.exe\x1b[2J") == "two lines txt.exe[2J"
    assert inputs.line("看\u2066板\u200b", field="name", limit=3) == "看板"


def test_descriptions_are_limited_in_bytes_not_characters() -> None:
    fits = "字" * (64 * 1024 // 3)
    assert inputs.body(fits, field="description") == fits

    with pytest.raises(InvalidArgument):
        inputs.body(fits + "字", field="description")


def test_fifty_assignees_are_taken_each_once_and_in_order() -> None:
    people = [f"per_{number}" for number in range(50)]

    assert inputs.assignees([*people, *people]) == tuple(people)
    with pytest.raises(TooManyAssignees):
        inputs.assignees([*people, "per_more"])


def test_the_owner_is_a_member_and_counts() -> None:
    assert inputs.members(["per_b", OWNER, "per_b"], owner_id=OWNER) == (OWNER, "per_b")
    with pytest.raises(TooManyMembers):
        inputs.members([f"per_{number}" for number in range(1000)], owner_id=OWNER)


@pytest.mark.parametrize("value", ["", "-x", "a b", "a\x00", "x" * 129, "人"])
def test_what_is_no_id_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument):
        inputs.identifier(value, field="owner_id")


def test_page_sizes_have_a_default_and_a_limit() -> None:
    assert [inputs.page_size(size) for size in (0, 1, 200, 5000)] == [50, 1, 200, 200]
    with pytest.raises(InvalidArgument):
        inputs.page_size(-1)


def test_a_page_token_brings_its_position_back() -> None:
    listing = Listing(name="tasks", filters=("t1", "per_a"))

    assert listing.position(listing.token(17, "tsk_a"), shape=(int, str)) == (17, "tsk_a")
    assert listing.position("", shape=(int, str)) is None


def test_a_page_token_of_another_listing_or_made_up_is_refused() -> None:
    listing = Listing(name="tasks", filters=("t1", "per_a"))
    foreign = Listing(name="tasks", filters=("t1", "per_b")).token(17, "tsk_a")
    swapped = listing.token("tsk_a", 17)
    boolean = listing.token(True, "tsk_a")

    tokens = [foreign, swapped, boolean, "x", "!!!", "AAAA", "W10", "bnVsbA", "é", "a" * 2000]
    for token in [*tokens, listing.token(17, "tsk_a")[:-3]]:
        with pytest.raises(InvalidPageToken):
            listing.position(token, shape=(int, str))


def test_a_page_token_with_an_impossible_time_is_refused() -> None:
    with pytest.raises(InvalidPageToken):
        from_milliseconds(10**18)
