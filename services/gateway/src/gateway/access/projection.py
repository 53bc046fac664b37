"""The gateway's copy of the relations: what facts and snapshots say, by tenant."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog
from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.engine import Engine
from plexus_access.facts import apply
from plexus_access.objects import CONVERSATION, PROJECT, TASK, Object
from plexus_access.relations import Gathering
from plexus_access.state import State
from plexuskit.metrics import gauge

OF_MESSAGING: Final = frozenset({CONVERSATION})
OF_TASKS: Final = frozenset({PROJECT, TASK})
MEMBERSHIPS = gauge("plexus_gateway_memberships", "Memberships that permissions are checked by")

log = structlog.get_logger()

Step = tuple[str, Object, int, Sequence[str], Sequence[str], bool]
"""Tenant, object, version, who joined, who left, and whether there was nobody before."""
Changed = Callable[[str, str], None]
"""Told a tenant, and whom it may concern: a person's id, or nobody's for everybody."""


class Projection:
    """One engine per tenant, kept up to date from outside (see `following`).

    A new state is put together beside the present one while a snapshot is loaded, and takes its
    place when it is whole: what the owners no longer tell of is gone then, and nobody was ever
    decided about on half of it. Facts that come meanwhile are applied to both.
    """

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}
        self._fresh: dict[str, State] | None = None
        self._steps: list[Step] | None = None
        self._known: set[str] = set()
        self._listeners: list[Changed] = []

    def engine(self, tenant_id: str) -> Engine | None:
        """Return what decides for a tenant; None for one that nothing is known of."""
        return self._engines.get(tenant_id)

    def knows(self, kind: str) -> bool:
        """Tell whether the members of objects of a kind were loaded from their owner."""
        return kind in self._known

    def forget(self, kinds: frozenset[str]) -> None:
        """Note that changes of objects of some kinds do not come any more: what is known is old."""
        self._known -= kinds

    def on_change(self, listener: Changed) -> None:
        """Have what permissions follow from told to a listener whenever it has changed."""
        self._listeners.append(listener)

    # Directory: people, departments, groups, roles, policies, modules.

    def take(self, envelopes: Iterable[Envelope]) -> None:
        """Apply facts; one that cannot be read is skipped, and a snapshot brings its truth."""
        for envelope in envelopes:
            if self._fresh is not None:
                _applied(self._state(self._fresh, envelope.tenant_id), envelope)
            state = self._of(envelope.tenant_id).state
            epoch = state.epoch
            if _applied(state, envelope):
                person_id = "" if state.epoch != epoch else envelope.entity_id
                for listener in self._listeners:
                    listener(envelope.tenant_id, person_id)

    def begin(self) -> None:
        """Begin to load directory's snapshot: facts now also go into the state to come."""
        self._fresh = {}

    def load(self, envelopes: Iterable[Envelope]) -> None:
        """Take a part of directory's snapshot."""
        if self._fresh is None:
            raise RuntimeError("a snapshot is loaded between begin and swap")
        for envelope in envelopes:
            _applied(self._state(self._fresh, envelope.tenant_id), envelope)

    def swap(self) -> None:
        """Put what was loaded in the place of what was known."""
        fresh, self._fresh = self._fresh or {}, None
        for tenant_id, state in fresh.items():
            before = self._engines.get(tenant_id)
            if before is not None:
                state.take_members(before.state)
            self._engines[tenant_id] = Engine(state)
        for tenant_id in self._engines.keys() - fresh.keys():
            self._engines[tenant_id] = Engine(State(tenant_id))
        for tenant_id in self._engines:
            for listener in self._listeners:
                listener(tenant_id, "")

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

    def _of(self, tenant_id: str) -> Engine:
        engine = self._engines.get(tenant_id)
        if engine is None:
            engine = self._engines[tenant_id] = Engine(State(tenant_id))
        return engine

    def _state(self, states: dict[str, State], tenant_id: str) -> State:
        state = states.get(tenant_id)
        if state is None:
            state = states[tenant_id] = State(tenant_id)
        return state


def _applied(state: State, envelope: Envelope) -> bool:
    try:
        return apply(state, envelope)
    except (DecodeError, ValueError) as error:
        log.warning("access.fact_unreadable", type=envelope.type, error=str(error))
        return False
