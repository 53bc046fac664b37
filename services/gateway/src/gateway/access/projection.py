"""The gateway's copy of the relations: what facts and snapshots say, by tenant."""

from collections.abc import Sequence
from typing import Final

from plexus_access.objects import CONVERSATION, PROJECT, TASK, Object
from plexus_access.relations import Gathering
from plexus_access.replica import Replica
from plexuskit.metrics import gauge

OF_MESSAGING: Final = frozenset({CONVERSATION})
OF_TASKS: Final = frozenset({PROJECT, TASK})
MEMBERSHIPS = gauge("plexus_gateway_memberships", "Memberships that permissions are checked by")

Step = tuple[str, Object, int, Sequence[str], Sequence[str], bool]
"""Tenant, object, version, who joined, who left, and whether there was nobody before."""


class Projection(Replica):
    """A replica of directory that also holds who belongs to what (see `following`)."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] | None = None
        self._known: set[str] = set()

    def knows(self, kind: str) -> bool:
        """Tell whether the members of objects of a kind were loaded from their owner."""
        return kind in self._known

    def forget(self, kinds: frozenset[str]) -> None:
        """Note that changes of objects of some kinds do not come any more: what is known is old."""
        self._known -= kinds

    # Messaging and tasks: who belongs to what.

    def step(self, step: Step) -> None:
        """Apply a change of a conversation's members, after whatever is being loaded."""
        if self._steps is not None:
            self._steps.append(step)
        tenant_id, object_, version, joined, left, begins = step
        self._of(tenant_id).state.change_members(
            object_, version=version, joined=joined, left=left, begins=begins
        )

    def doubt(self, tenant_id: str, object_: Object) -> None:
        """Note that a change of an object's members was missed."""
        self._of(tenant_id).state.doubt(object_)

    def begin_members(self) -> None:
        """Begin to load messaging's snapshot: steps are kept, to be applied after it."""
        self._steps = []

    def swap_members(
        self, kinds: frozenset[str], gathered: Gathering, *, followed: bool = True
    ) -> None:
        """Put an owner's whole word about objects of some kinds in the place of what was known.

        Args:
            kinds: which.
            gathered: what the owner said.
            followed: whether every later change comes here; if not, it is soon old.
        """
        for tenant_id in gathered.tenants | self._engines.keys():
            state = self._of(tenant_id).state
            state.replace_members(kinds, gathered.members(tenant_id))
        if kinds == OF_MESSAGING:
            steps, self._steps = self._steps or [], None
            for step in steps:
                self.step(step)
        if followed:
            self._known |= kinds
        MEMBERSHIPS.set(
            sum(
                len(members.people)
                for engine in self._engines.values()
                for members in engine.state.members.values()
            )
        )
