"""The caller of a request as queries take it."""

from plexuskit.grpc import actor, caller

from audit.domain.skips import Skipper
from audit.queries import Asker


def asker() -> Asker:
    """Return the caller from the signed context."""
    person, context = actor(), caller()
    return Asker(
        tenant_id=person.tenant_id,
        person_id=person.person_id,
        scopes=frozenset(context.scopes),
        app=bool(context.api_token_id),
        second_factor=context.second_factor,
    )


def skipper() -> Skipper:
    """Return the person who has a record moved, from the signed context."""
    person, context = actor(), caller()
    return Skipper(
        tenant_id=person.tenant_id,
        person_id=person.person_id,
        session_id=person.session_id,
        api_token_id=context.api_token_id,
    )
