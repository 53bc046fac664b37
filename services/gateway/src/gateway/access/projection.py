"""The gateway's projection of the relations, from facts and snapshots, by tenant."""

from collections.abc import Sequence
from typing import Final

from plexus_access.engine import Engine
from plexus_access.objects import CONVERSATION, PROJECT, TASK, Object
from plexus_access.records import Members
from plexus_access.relations import Gathering
from plexus_access.replica import Replica
from plexuskit.metrics import gauge

OF_MESSAGING: Final = frozenset({CONVERSATION})
OF_TASKS: Final = frozenset({PROJECT, TASK})
MEMBERSHIPS = gauge("plexus_gateway_memberships", "Memberships that permissions are checked by")

Step = tuple[str, Object, int, Sequence[str], Sequence[str], bool]
"""Tenant, object, version, people added, people removed, and True if there were none before."""


class Projection(Replica):
    """Replica of directory that also holds memberships of objects (see `following`)."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()
        # Kinds whose snapshot is being read.
        self._loading: set[frozenset[str]] = set()

    def knows(self, kind: str) -> bool:
        """Return whether the members of objects of a kind were loaded from their owner."""
        return kind in self._known

    def forget(self, kinds: frozenset[str]) -> None:
        """Record that changes of some kinds of objects no longer arrive: they are stale."""
        self._known -= kinds

    # Messaging and tasks: memberships.

    def step(self, step: Step) -> None:
        """Apply a change of a conversation's members, after whatever is being loaded."""
        tenant_id, object_, version, joined, left, begins = step
        self._of(tenant_id).state.change_members(
            object_, version=version, joined=joined, left=left, begins=begins
        )

    def mark_stale(self, tenant_id: str, object_: Object) -> None:
        """Record that a change of an object's members was missed; an empty tenant means unknown."""
        engines = [self._of(tenant_id)] if tenant_id else self._engines.values()
        for engine in engines:
            engine.state.mark_stale(object_)

    def restore(self, tenant_id: str, members: Members) -> None:
        """Apply an owner's answer about one object, which resolves the gap (see `Memberships`)."""
        self._of(tenant_id).state.memberships.restore(members)

    def begin_members(self, kinds: frozenset[str]) -> None:
        """Begin loading an owner's snapshot: facts from here on are applied to it too."""
        self._loading.add(kinds)
        for engine in self._engines.values():
            engine.state.memberships.begin(kinds)

    def swap_members(
        self, kinds: frozenset[str], gathered: Gathering, *, followed: bool = True
    ) -> None:
        """Replace the members of all objects of some kinds by a snapshot, where that is newer.

        Args:
            kinds: kinds of objects.
            gathered: the owner's snapshot.
            followed: whether every later change arrives here; if not, the snapshot soon goes stale.
        """
        for tenant_id in gathered.tenants | self._engines.keys():
            state = self._of(tenant_id).state
            state.replace_members(kinds, gathered.members(tenant_id))
        self._loading.discard(kinds)
        if followed:
            self._known |= kinds
        MEMBERSHIPS.set(
            sum(
                len(members.people)
                for engine in self._engines.values()
                for members in engine.state.members.values()
            )
        )

    def _of(self, tenant_id: str) -> Engine:
        new = tenant_id not in self._engines
        engine = super()._of(tenant_id)
        if new:
            for kinds in self._loading:
                engine.state.memberships.begin(kinds)
        return engine
