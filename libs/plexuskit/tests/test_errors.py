from datetime import timedelta
from typing import ClassVar

import pytest
from plexuskit.errors import DependencyDown, InvalidArgument, Kind, Refusal, VersionConflict


class ConversationArchived(Refusal):
    """Conversation {conversation_id} is archived; restore it first.

    The rest of the docstring is for engineers.
    """

    kind = Kind.FAILED_PRECONDITION


def test_a_reason_is_the_class_name_in_upper_snake() -> None:
    class HTTPFeedGone(Refusal):
        kind = Kind.NOT_FOUND

    assert ConversationArchived.reason == "CONVERSATION_ARCHIVED"
    assert HTTPFeedGone.reason == "HTTP_FEED_GONE"


def test_a_class_can_set_its_own_reason_and_a_subclass_gets_its_own_again() -> None:
    class Full(Refusal):
        kind = Kind.EXHAUSTED
        reason: ClassVar[str] = "CONVERSATION_FULL"

    class BoardFull(Full):
        pass

    assert Full.reason == "CONVERSATION_FULL"
    assert BoardFull.reason == "BOARD_FULL"
    assert BoardFull().kind is Kind.EXHAUSTED


@pytest.mark.parametrize("reason", ["archived", "A", "A-B", "A" * 64])
def test_a_reason_that_error_info_does_not_allow_is_refused_at_the_class(reason: str) -> None:
    with pytest.raises(TypeError, match="UPPER_SNAKE"):
        type("Odd", (Refusal,), {"kind": Kind.INVALID, "reason": reason})


def test_the_docstrings_first_line_is_the_text_and_takes_metadata() -> None:
    refusal = ConversationArchived(conversation_id="cnv_1")

    assert refusal.message() == "Conversation cnv_1 is archived; restore it first."
    assert str(refusal) == f"CONVERSATION_ARCHIVED: {refusal.message()}"


def test_an_own_text_comes_before_the_docstring() -> None:
    class TextTooLong(Refusal):
        """For engineers."""

        kind = Kind.INVALID
        text: ClassVar[str] = "The text has {length} bytes; {limit} are allowed."

    refusal = TextTooLong(length=200, limit=150)

    assert refusal.message() == "The text has 200 bytes; 150 are allowed."
    assert refusal.metadata == {"length": "200", "limit": "150"}


def test_a_field_without_a_value_does_not_turn_the_answer_into_an_error() -> None:
    assert ConversationArchived().message().startswith("Conversation {conversation_id} is")


def test_braces_in_a_value_are_not_formatted() -> None:
    refusal = InvalidArgument(field="name", problem="has {braces}")

    assert refusal.message() == "name has {braces}."


@pytest.mark.parametrize("text", ["{", "{}", "{0}", "{name!r}", "{name:d}", "{a.b}"])
def test_a_text_that_could_fail_later_is_refused_at_the_class(text: str) -> None:
    with pytest.raises(TypeError, match="text"):
        type("Odd", (Refusal,), {"kind": Kind.INVALID, "text": text})


def test_a_docstring_with_other_braces_is_taken_literally() -> None:
    odd = type("Odd", (Refusal,), {"kind": Kind.INVALID, "__doc__": "Takes {a: 1} only."})

    assert odd().message() == "Takes {a: 1} only."


def test_metadata_cannot_be_changed_and_retry_after_is_kept() -> None:
    refusal = DependencyDown(retry_after=timedelta(seconds=2), dependency="mongo")

    assert refusal.retry_after == timedelta(seconds=2)
    with pytest.raises(TypeError):
        refusal.metadata["dependency"] = "kafka"  # type: ignore[index]


def test_a_refusal_without_a_kind_cannot_be_raised() -> None:
    class Nameless(Refusal):
        pass

    with pytest.raises(TypeError, match="kind"):
        Nameless()


@pytest.mark.parametrize(
    ("refusal", "kind", "reason"),
    [
        (DependencyDown(), Kind.UNAVAILABLE, "DEPENDENCY_DOWN"),
        (VersionConflict(expected_version=1, current_version=2), Kind.CONFLICT, "VERSION_CONFLICT"),
        (InvalidArgument(field="name", problem="is empty"), Kind.INVALID, "INVALID_ARGUMENT"),
    ],
)
def test_the_shared_refusals_have_their_kind(refusal: Refusal, kind: Kind, reason: str) -> None:
    assert (refusal.kind, refusal.reason) == (kind, reason)
    assert "{" not in refusal.message()
