"""GW-7: the documented user of the database can add entries, and change or remove none."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from audit import events
from audit.operations import LedgerWriter, take_facts
from audit.store import Store
from plexus_local.servers.mongo import NativeMongo
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.errors import DependencyDown
from plexuskit.mongo import connect

ROOT = Path(__file__).parents[4]
DATABASE = "plexus_audit"


class GuardedMongo(NativeMongo):
    """A mongod that asks who one is; its replica set is there already."""

    def command(self) -> Sequence[str]:
        return [*super().command(), "--auth", "--keyFile", str(self.data / "key")]

    def settle(self) -> None:
        """Leave the set as it is."""


def privileges() -> list[dict[str, Any]]:
    """Read the role out of the page for operators."""
    page = (ROOT / "docs/operations/audit.md").read_text(encoding="utf-8")
    script = page.partition("```js\n")[2].partition("```")[0]
    ledger, others = (
        re.findall(r'"(\w+)"', found) for found in re.findall(r"actions: \[(.*?)\]", script)[:2]
    )
    projected = re.findall(r'"(\w+)"', script.partition("...[")[2].partition("]")[0])
    assert len(projected) == 5
    return [
        *(
            {"resource": {"db": DATABASE, "collection": name}, "actions": actions}
            for name, actions in [("ledger", ledger), *((each, others) for each in projected)]
        ),
        {"resource": {"db": DATABASE, "collection": ""}, "actions": ["listCollections"]},
        {"resource": {"cluster": True}, "actions": ["getParameter"]},
    ]


@pytest.mark.long
async def test_gw_07_the_documented_role_adds_entries_and_changes_none(
    tmp_path: Path, facts: Any
) -> None:
    data = tmp_path / "data"
    with NativeMongo(data=data, log=tmp_path / "open.log", cache_gb=0.25) as open_:
        async with connect(MongoSection(url=open_.url, database="admin")) as db:
            run = db._database.command
            await run({"createRole": "plexusAudit", "privileges": privileges(), "roles": []})
            await run({"createUser": "audit", "pwd": "secret", "roles": ["plexusAudit"]})
        port = open_.port
    (data / "key").write_text("ofThisTestAlone")
    (data / "key").chmod(0o600)

    with GuardedMongo(data=data, log=tmp_path / "log", port=port, cache_gb=0.25):
        url = f"mongodb://audit:secret@127.0.0.1:{port}/?directConnection=true"
        async with connect(MongoSection(url=url, database=DATABASE)) as db:
            store = Store(db)

            async def provisioned() -> bool:
                await store.provision()
                return True

            await eventually(provisioned, within=30)
            await db.check_parameters()
            parsed = [
                events.parse_fact(facts.person("per_bo", version=version)) for version in (1, 2)
            ]
            ledger_writer = LedgerWriter(store, clock=SystemClock())
            await take_facts(
                store, ledger_writer=ledger_writer, parsed=[each for each in parsed if each]
            )
            await store.history.begin(facts.at(0))
            assert (await store.ledger.head("ten_a")).no == 2

            ledger = db.collection("ledger", schema_version=1)
            for change in (
                ledger.update({}, {"$set": {"actor_id": "per_eve"}}),
                ledger.replace({}, {"no": 1}),
                ledger.delete({}),
                db.drop(),
            ):
                with pytest.raises(DependencyDown) as refused:
                    await asyncio.ensure_future(change)
                assert "not authorized" in str(refused.value.__cause__)
            assert (await store.ledger.head("ten_a")).no == 2
