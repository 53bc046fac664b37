"""Match of a new resource to a removed, an existing or a new person."""

from dataclasses import dataclass

from plexuskit.mongo import Transaction
from scim2_models import UniquenessException

from directory.people.domain import handles
from directory.people.domain.people import Kind, Person
from directory.scim.domain.guard import FeedRules
from directory.scim.domain.people import Wanted, wanted_handle
from directory.scim.domain.records import Record
from directory.scim.domain.resources import FeedUser
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.texts import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Matched person with the feed's earlier record of them; or the handle of a new person."""

    person: Person | None = None
    record: Record | None = None
    handle: str = ""


async def find_meant(
    store: Store, user: FeedUser, meant: Wanted, *, actor: Actor, rules: FeedRules, tx: Transaction
) -> Found:
    """Find the person that a new resource stands for.

    Raises:
        UniquenessException: another resource has the userName or externalId, or the person is
            deactivated and may not be reactivated by the feed.
    """
    tenant_id = actor.tenant_id
    records = await store.scim.find_named(
        tenant_id=tenant_id,
        user_name=user.user_name or "",
        external_id=user.external_id or "",
        tx=tx,
    )
    if records:
        if len(records) > 1 or not records[0].removed or not rules.reactivates:
            raise UniquenessException(detail="The userName or externalId is taken.")
        person = await store.people.get(records[0].person_id, tenant_id=tenant_id, tx=tx)
        return Found(person=person, record=records[0])

    handle = wanted_handle(user)
    here = await store.people.find_either(
        handle=handle, external_id=meant.external_id, tenant_id=tenant_id, tx=tx
    )
    # A match by external id comes before a match by handle.
    for person in sorted(here, key=lambda person: person.handle == handle):
        if not _is_meant(person, user, meant) or await store.scim.has(person.id, tx=tx):
            continue
        if not person.active and not rules.reactivates:
            raise UniquenessException(detail="The userName or externalId is taken.")
        return Found(person=person)

    if any(person.handle == handle for person in here):
        taken = await store.people.taken_handles([handle, handle], tenant_id=tenant_id, tx=tx)
        (handle,) = handles.allocate([handle], taken=taken)
    return Found(handle=handle)


async def check_free(
    store: Store, user: FeedUser, record: Record, *, actor: Actor, tx: Transaction
) -> None:
    """Check that no other resource has the userName or externalId.

    Raises:
        UniquenessException: one does, or one that was removed did.
    """
    same = record.user()
    if (user.user_name, user.external_id) == (same.user_name, same.external_id):
        return
    holders = await store.scim.find_named(
        tenant_id=actor.tenant_id,
        user_name=user.user_name or "",
        external_id=user.external_id or "",
        tx=tx,
    )
    if any(holder.person_id != record.person_id for holder in holders):
        raise UniquenessException(detail="The userName or externalId is taken.")


def _is_meant(person: Person, user: FeedUser, meant: Wanted) -> bool:
    """Return whether a person without a record matches: a name alone is not enough."""
    if person.kind is not Kind.HUMAN:
        return False
    if meant.external_id and person.external_id == meant.external_id:
        return True
    name = fold((user.user_name or "").strip())
    addresses = {name} | {fold(email.value) for email in user.emails or [] if email.value}
    return person.handle == name or (bool(person.email) and fold(person.email) in addresses)
