"""Request records of 0.2.0 are honoured until they expire."""

from datetime import UTC, datetime
from typing import Any

import pytest
from directory.shared.store import Store
from plexuskit.mongo import Database
from plexuskit.request_ids import RequestIdReused

from .requests_support import request

NOW = datetime(2036, 3, 2, 1, tzinfo=UTC)
ANSWERS = [
    ({"_id": "per_1", "display_name": "李雷"}, {"id": "per_1"}),
    ({"_id": "rol_1", "name": "people", "permissions": ["people.manage"]}, {"id": "rol_1"}),
    ({"_id": "ten_a:admin", "name": "admin", "permissions": []}, {"id": "admin"}),
    ({"_id": "grp_1", "name": "admin"}, {"id": "grp_1"}),
    ({"_id": "ten_a:tasks", "name": "tasks", "enabled": True}, {"name": "tasks"}),
    ({"_id": "pol_1", "name": "no tasks", "cedar": "forbid(...)"}, {"name": "no tasks"}),
    (
        {"department": {"_id": "dep_1"}, "departments_moved": 3, "people_moved": 0},
        {"id": "dep_1", "departments_moved": 3, "people_moved": 0},
    ),
]


@pytest.mark.parametrize(("stored", "answer"), ANSWERS)
async def test_gw_06_a_repeat_after_an_upgrade_is_recognised(
    store: Store, db: Database, stored: dict[str, Any], answer: dict[str, Any]
) -> None:
    asked = request("r1")
    await db.collection("requests", schema_version=1).insert(
        {
            "_id": "ten:per:r1",
            "content_hash": asked.content_hash,
            "answer": stored,
            "answered_at": NOW,
        }
    )

    found = await store.requests.answer(asked, now=NOW)

    assert found is not None
    assert answer.items() <= found.items()
    with pytest.raises(RequestIdReused):
        await store.requests.answer(request("r1", "other"), now=NOW)
