"""A process's replica of directory: people, departments, groups, roles, policies and modules.

One engine per tenant, kept current from outside (see `feeding`). A new state is built beside the
current one while a snapshot is loaded and replaces it when it is complete: entities that directory
no longer reports are gone then, and no decision is ever based on half of it. Facts that arrive
meanwhile are applied to both.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog
from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope

from plexus_access.engine import Engine
from plexus_access.facts import apply
from plexus_access.state import State

log = structlog.get_logger()

Changed = Callable[[str, str], None]
"""Called with a tenant and the person whom a change concerns; no person: all of the tenant."""


class Replica:
    """One engine per tenant.

    Attributes:
        changes: how many changes were applied.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._engines: dict[str, Engine] = {}
        self._fresh: dict[str, State] | None = None
        self._listeners: list[Changed] = []
        self._waiting: list[asyncio.Future[None]] = []

    def engine(self, tenant_id: str) -> Engine | None:
        """Return the engine of a tenant; None for an unknown one."""
        return self._engines.get(tenant_id)

    def engines(self) -> Iterable[Engine]:
        """Return the engines of all known tenants."""
        return self._engines.values()

    def on_change(self, listener: Changed) -> None:
        """Call a listener whenever something that permissions follow from has changed."""
        self._listeners.append(listener)

    async def changed(self) -> None:
        """Wait for the next change; the caller sets the deadline."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def take(self, envelopes: Iterable[Envelope]) -> bool:
        """Apply facts; return whether all of them could be decoded. The others are skipped."""
        decoded = True
        for envelope in envelopes:
            if self._fresh is not None:
                _applied(_state(self._fresh, envelope.tenant_id), envelope)
            state = self._of(envelope.tenant_id).state
            epoch = state.epoch
            news = _applied(state, envelope)
            decoded = decoded and news is not None
            if news:
                person_id = "" if state.epoch != epoch else envelope.entity_id
                self._notify(envelope.tenant_id, person_id)
        return decoded

    def begin(self) -> None:
        """Begin loading directory's snapshot: facts now also go into the future state."""
        self._fresh = {}

    def load(self, envelopes: Iterable[Envelope]) -> None:
        """Apply a part of directory's snapshot."""
        if self._fresh is None:
            raise RuntimeError("a snapshot is loaded between begin and swap")
        for envelope in envelopes:
            _applied(_state(self._fresh, envelope.tenant_id), envelope)

    def swap(self) -> None:
        """Replace the current state by the loaded one."""
        fresh, self._fresh = self._fresh or {}, None
        for tenant_id in fresh.keys() | self._engines.keys():
            current = self._of(tenant_id).state
            state = fresh.get(tenant_id)
            if state is None:
                state = State(tenant_id)
            state.take_newer(current)
            state.take_members(current)
            self._engines[tenant_id] = Engine(state)
        for tenant_id in self._engines:
            self._notify(tenant_id, "")

    def _notify(self, tenant_id: str, person_id: str) -> None:
        self.changes += 1
        for listener in self._listeners:
            listener(tenant_id, person_id)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def _of(self, tenant_id: str) -> Engine:
        engine = self._engines.get(tenant_id)
        if engine is None:
            engine = self._engines[tenant_id] = Engine(State(tenant_id))
        return engine


def _state(states: dict[str, State], tenant_id: str) -> State:
    state = states.get(tenant_id)
    if state is None:
        state = states[tenant_id] = State(tenant_id)
    return state


def _applied(state: State, envelope: Envelope) -> bool | None:
    """Apply a fact; return whether it was new, None when it cannot be decoded."""
    try:
        return apply(state, envelope)
    except DecodeError as error:
        log.warning("access.fact_unreadable", type=envelope.type, error=str(error))
        return None
    except ValueError as error:
        # It names something that only a later build knows.
        log.warning("access.fact_unknown", type=envelope.type, error=str(error))
        return False
