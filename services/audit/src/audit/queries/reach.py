"""Deciding which part of the ledger a caller may read: by the history, not by the caller's word."""

from datetime import datetime

from plexus_access.engine import Engine, Reason
from plexus_access.objects import DEPARTMENT, TENANT, Object

from audit.domain.reach import WHOLE, Reach
from audit.domain.refusals import HistoryNotBegun, PermissionMissing
from audit.queries.access import Asker, ask_of
from audit.queries.past import load_state
from audit.store import Store


async def reach_of(store: Store, *, asker: Asker, permission: str, now: datetime) -> Reach:
    """Return the part of the ledger that a permission shows to a caller.

    Args:
        store: the history, from which roles and policies are decided.
        asker: the caller.
        permission: `audit.read` or `audit.export`.
        now: current time.

    Refusals: PermissionMissing; HistoryNotBegun while roles are not known.
    """
    if await store.history.begins_at() is None:
        raise HistoryNotBegun
    state = await load_state(
        store, tenant_id=asker.tenant_id, people=[asker.person_id], object_=None, at=now
    )
    engine = Engine(state)
    tenant = Object(TENANT, asker.tenant_id)
    whole = engine.decide(ask_of(asker, permission, tenant), now=now)
    if whole.allowed:
        return WHOLE
    # A role for a part: everything but the scope has to hold for a call about no object.
    part = engine.decide(ask_of(asker, permission, None), now=now)
    if whole.reason is not Reason.REACH or not part.allowed:
        raise PermissionMissing(permission=permission)
    held = engine.held(state.people[asker.person_id]).grants.get(permission, ())
    return Reach(
        departments=frozenset(
            each.scope.id for each in held if each.scope.kind == DEPARTMENT and each.holds(now)
        )
    )
