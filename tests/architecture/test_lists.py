"""Lists in answers: each is paginated or has an enforced maximum (MSG-21)."""

import importlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexuskit import bounds
from plexuskit.facts import FACT_TYPES
from plexuskit.grpc import requirements

from .test_contracts import READS

MANY: Final = 10_000
"""Items of a list without pages: with ids of 256 bytes 2.5 MB, which every client accepts."""

_DIRECTORY: Final = "plexus.directory.v1"
_MESSAGING: Final = "plexus.messaging.v1"
# Pages that continue after a number instead of a token.
BY_NUMBER: Final = {
    f"{_MESSAGING}.ListMessagesResponse",
    f"{_MESSAGING}.ListChangesResponse",
    f"{_MESSAGING}.VerifyConversationResponse",
}


class Enforced(NamedTuple):
    """A constant of the code that bounds the number, or a collection that contains all items."""

    module: str
    name: str


class Asked(NamedTuple):
    """A field of the request with one item for each item of the list."""

    request: str
    fields: tuple[str, ...]


_SIGN_IN: Final = "directory.sign_in.domain"
_GUARD: Final = "directory.scim.domain.guard"
MAXIMA: Final[dict[str, Enforced | Asked]] = {
    # At most one step of each kind.
    "plexus.audit.v1.ExplainAccessResponse.steps": Enforced("plexus_access.explain", "StepKind"),
    f"{_DIRECTORY}.BatchGetPeopleResponse.people": Asked(
        "BatchGetPeople", ("person_ids", "handles")
    ),
    f"{_DIRECTORY}.GetSignInPolicyResponse.providers": Enforced(
        f"{_SIGN_IN}.openid", "MAX_PROVIDERS"
    ),
    f"{_DIRECTORY}.ListSignInOptionsResponse.providers": Enforced(
        f"{_SIGN_IN}.openid", "MAX_PROVIDERS"
    ),
    f"{_DIRECTORY}.SignInPolicy.second_factor_role_ids": Enforced(
        f"{_SIGN_IN}.sign_in_policies", "MAX_ROLES"
    ),
    f"{_DIRECTORY}.ListSecondFactorsResponse.factors": Enforced(
        f"{_SIGN_IN}.second_factors", "MAX_FACTORS"
    ),
    f"{_DIRECTORY}.ListModulesResponse.modules": Enforced("plexus_access.modules", "NAMES"),
    f"{_DIRECTORY}.ListModulesResponse.on": Enforced("plexus_access.modules", "NAMES"),
    f"{_DIRECTORY}.FeedStatus.waiting_person_ids": Enforced(_GUARD, "MAX_WAITING_SHOWN"),
    f"{_DIRECTORY}.FeedStatus.refused": Enforced(_GUARD, "MAX_REFUSED_SHOWN"),
    f"{_DIRECTORY}.FeedStatus.ignored": Enforced(_GUARD, "MAX_IGNORED_SHOWN"),
    f"{_MESSAGING}.ThreadView.follower_ids": Enforced(
        "messaging.conversations.domain.conversations", "MEMBER_LIMIT"
    ),
    f"{_MESSAGING}.ListPresenceResponse.presences": Asked("ListPresence", ("person_ids",)),
    f"{_MESSAGING}.PreviewSendResponse.people": Enforced(
        "messaging.messages.queries.sends", "MAX_SHOWN"
    ),
    "plexus.notify.v1.Preferences.kinds": Enforced("notify.kinds", "KINDS"),
    "plexus.search.v1.GetSearchStatusResponse.indexed": Enforced("search.kinds", "KINDS"),
    # A column for each state.
    "plexus.tasks.v1.GetBoardResponse.lanes": Enforced("tasks.domain.states", "State"),
}


def _entities() -> set[str]:
    """Return the messages contained in facts: the size of a fact bounds their lists together."""
    return {
        field.message_type.full_name
        for type_ in FACT_TYPES.values()
        for field in type_.message.DESCRIPTOR.fields
        if field.message_type is not None
    }


def _lists(answer: Descriptor, entities: set[str]) -> Iterator[FieldDescriptor]:
    if "next_page_token" in answer.fields_by_name or answer.full_name in BY_NUMBER:
        return
    for field in answer.fields:
        if field.is_repeated:
            yield field
        elif field.message_type is not None and field.message_type.full_name not in entities:
            yield from (each for each in field.message_type.fields if each.is_repeated)


def _found() -> set[str]:
    """Return the lists without pages in all reads that clients may call."""
    entities = _entities()
    reads = [
        info
        for path, info in requirements().items()
        if path.rpartition("/")[2].startswith(READS)
        and not info.requirement.internal
        and not info.server_streaming
    ]
    assert len(reads) > 40, "reads are not found any more"
    return {
        field.full_name
        for info in reads
        for field in _lists(info.response_class.DESCRIPTOR, entities)
    }


@pytest.mark.rule("MSG-21")
def test_msg_21_every_list_without_pages_has_a_maximum_in_this_file() -> None:
    assert _found() == set(MAXIMA)


@pytest.mark.rule("MSG-21")
@pytest.mark.parametrize("name", sorted(MAXIMA))
def test_msg_21_the_maximum_of_a_list_is_a_constant_or_what_was_asked_for(name: str) -> None:
    maximum = MAXIMA[name]
    if isinstance(maximum, Enforced):
        found = getattr(importlib.import_module(maximum.module), maximum.name)
        number = found if isinstance(found, int) else len(list(found))
    else:
        (request,) = [
            info.request_class.DESCRIPTOR
            for path, info in requirements().items()
            if path.endswith(f"/{maximum.request}")
        ]
        fields = [request.fields_by_name[each] for each in maximum.fields]
        number = sum(bounds.declared(field).max_items for field in fields)

    assert 0 < number <= MANY
