"""Facts about passwords and second factors."""

from datetime import datetime

from google.protobuf.message import Message
from plexus.directory.v1 import events_pb2
from plexuskit.outbox import Fact

from directory.accounts.events import of_occasion
from directory.people.domain.people import Person
from directory.sign_in.domain.second_factors import Factor


def password_set(person: Person, *, actor_id: str, now: datetime, reason: str = "") -> Fact:
    """Return the fact that a person's password was set, by the person or for them with a reason."""
    fact = events_pb2.PasswordSet(person_id=person.id, reason=reason)
    return of_occasion(
        fact, person.id, tenant_id=person.tenant_id, id_=person.id, actor_id=actor_id, now=now
    )


def second_factor_added(factor: Factor, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a second factor was set up."""
    fact = events_pb2.SecondFactorAdded(
        factor_id=factor.id, person_id=factor.person_id, kind=factor.kind.value
    )
    return _of_factor(fact, factor, actor_id=actor_id, now=now)


def second_factor_removed(factor: Factor, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a second factor was removed."""
    fact = events_pb2.SecondFactorRemoved(
        factor_id=factor.id, person_id=factor.person_id, kind=factor.kind.value
    )
    return _of_factor(fact, factor, actor_id=actor_id, now=now)


def _of_factor(fact: Message, factor: Factor, *, actor_id: str, now: datetime) -> Fact:
    return of_occasion(
        fact,
        factor.person_id,
        tenant_id=factor.tenant_id,
        id_=factor.id,
        actor_id=actor_id,
        now=now,
    )
