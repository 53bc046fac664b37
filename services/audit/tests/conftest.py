from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from audit.domain.entries import Occurrence
from audit.operations import Recorder
from audit.store import Store
from plexuskit.mongo import Collection, Database
from plexuskit.testing.clock import FrozenClock

TENANT = "ten_a"
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
async def store(db: Database) -> Store:
    store = Store(db)
    await store.provision()
    return store


@pytest.fixture
def recorder(store: Store, clock: FrozenClock) -> Recorder:
    return Recorder(store, clock=clock)


@pytest.fixture
def happened() -> Callable[..., Occurrence]:
    """Something that happened: `happened(3, object="person:per_bo")`; the number is its event's."""

    def made(number: int, *, tenant: str = TENANT, **fields: Any) -> Occurrence:
        given: Mapping[str, Any] = {
            "tenant_id": tenant,
            "occurred_at": NOW,
            "event_id": f"evt_{tenant}_{number}",
            "action": "PersonChanged",
            "actor_id": "per_ann",
            "object": "person:per_bo",
            "version_before": number,
            "version_after": number + 1,
            "details": {"fields": "title"},
        }
        return Occurrence(**{**given, **fields})

    return made


@pytest.fixture
def ledger(db: Database) -> Collection:
    """The documents themselves, as somebody with the right to everything reaches them."""
    return db.collection("ledger", schema_version=1)
