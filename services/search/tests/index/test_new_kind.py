"""A new searchable kind needs only its definition: no other code of the service lists kinds."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1 import events_pb2 as facts
from plexus.tasks.v1.tasks_pb2 import Project
from plexus.topics import Consumer
from plexus_access.decisions import Asker
from plexus_access.masks import Masks
from plexus_access.objects import PROJECT
from plexus_testkit.companies import Company
from plexuskit.kafka import Record
from search.config import OpensearchSection
from search.domain.access import Readable
from search.domain.columns import parts_of
from search.domain.definitions import Definition, Kinds
from search.domain.documents import Document, container
from search.domain.query import parse
from search.domain.types import AT, AUTHOR, KEYS, DocumentType, Field
from search.events import by_name, check_entity, fact_of, instant
from search.kinds import KINDS
from search.operations import Marks, index_records
from search.queries import Permits
from search.store import Filters, Store, connect

COLUMNS = "plexus.tasks.v1.Project"
FACTS = by_name(facts.ProjectCreated, facts.ProjectChanged)
GROUP = Consumer(
    group="search.projects",
    service="search",
    topics=("tasks.project.v1",),
    dlq="search.projects.dlq",
)
TYPE = DocumentType(
    name="project",
    number=4,
    plural="projects",
    owner="tasks",
    permission="projects.read",
    object_kind=PROJECT,
    columns={
        "title": (f"{COLUMNS}.name",),
        "text": (f"{COLUMNS}.goal",),
        KEYS: (f"{COLUMNS}.id",),
        AUTHOR: (f"{COLUMNS}.owner_id",),
        AT: (f"{COLUMNS}.created_at",),
    },
    fields={"members": Field.KEYWORD},
)


def read(envelope: Envelope) -> Document | None:
    fact = fact_of(envelope, FACTS)
    if fact is None:
        return None
    project: Project = fact.project
    check_entity(envelope, project.id)
    return Document(
        type=TYPE,
        id=project.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=(container("project", project.id),),
        author_id=project.owner_id,
        at=instant(project.created_at),
        title=project.name,
        text=project.goal,
        keys=(project.id,),
        details={"members": list(project.member_ids)},
    )


SCRATCH = Kinds([*KINDS.definitions, Definition(type=TYPE, group=GROUP, read=read)])


@pytest.fixture
async def store(section: OpensearchSection) -> AsyncIterator[Store]:
    async with connect(section) as client:
        store = Store(client, section, kinds=SCRATCH)
        await store.provision()
        try:
            yield store
        finally:
            indices = await client.indices.get(index=f"{section.index_prefix}*")
            await client.indices.delete(index=",".join(indices))


def record(fact: Any, tenant: str, *, version: int) -> Record:
    event = Envelope(
        tenant_id=tenant,
        entity_id="prj_1",
        entity_version=version,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
    )
    topic, value = GROUP.topics[0], event.SerializeToString()
    return Record(topic=topic, partition=0, offset=version, key="prj_1", value=value)


async def test_facts_are_indexed_found_counted_and_rebuilt_by_the_new_kind(
    store: Store, tenant: str, now: datetime
) -> None:
    created = facts.ProjectCreated(project=Project(id="prj_1", name="搬家", owner_id="per_ann"))
    changed = facts.ProjectChanged(project=Project(id="prj_1", name="搬新家", goal="三楼"))
    records = [record(created, tenant, version=1), record(changed, tenant, version=2)]
    marks = Marks(now=now)
    await index_records(store, records=records, read=read, marks=marks, now=now)
    await store.refresh()
    await store.rebuild(TYPE, shards=1, restart=False, now=now)

    filters = Filters(
        tenant_id=tenant,
        types=tuple(SCRATCH),
        readable=Readable(whole=frozenset({"project:prj_1"}), partly={}),
    )
    page = await store.search(parse("搬新家"), filters=filters, after=None, limit=10)
    assert [(hit.type, hit.id, hit.version) for hit in page.found] == [(TYPE, "prj_1", 2)]
    counted = await store.count(tenant_id=tenant)
    assert {type_.name: count for type_, count in counted.items()} == {
        "message": 0,
        "task": 0,
        "person": 0,
        "project": 1,
    }
    await store.probe(TYPE, now=now)
    assert SCRATCH.groups[-1] == "search.projects"


def test_permissions_and_hidden_columns_of_the_new_kind_decide() -> None:
    company = Company()
    company.person("ten_a", "per_ann")
    asker = Asker(
        tenant_id="ten_a",
        person_id="per_ann",
        scopes=frozenset({"search.query", "projects.read"}),
        roles=frozenset({"member"}),
    )
    permits = Permits(company.decisions, asker)
    assert permits.types(tuple(SCRATCH)) == (TYPE,)
    nameless = parts_of(TYPE, Masks({COLUMNS: frozenset({"id", "goal", "owner_id"})}))
    assert (nameless.words, nameless.keys, nameless.at) == (("text", "names"), True, False)
