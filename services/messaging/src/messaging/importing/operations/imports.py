"""Decision whether an import may still write into a conversation (GW-11).

An import writes only into conversations that it created itself, and only until people use them: the
first native message, or `FinishImport`, closes a conversation to it for good.
"""

from collections.abc import Collection, Iterable

import structlog
from plexuskit.grpc import Actor
from plexuskit.mongo import Transaction

from messaging.importing.domain import Closed, Following, check_source
from messaging.importing.store.stores import Store
from messaging.log.domain.states import Conversation, Kind
from messaging.log.operations.logs import Log

log_ = structlog.get_logger()


async def follow(
    store: Store, *, tenant_id: str, conversations: Iterable[Conversation]
) -> dict[str, Following]:
    """Return the links to exports of those conversations that an import created.

    Closes those in which people have written meanwhile. One that an earlier version imported is
    known by its external id; a direct one of those is closed, since its people may have used it
    before.
    """
    ours = {
        each.id: each for each in conversations if each.tenant_id == tenant_id and each.external_id
    }
    found = await store.imports.find_many(ours)
    found |= await _adopt(
        store, [each for id_, each in ours.items() if id_ not in found], tenant_id=tenant_id
    )
    still = {id_: each.checked_seq for id_, each in found.items() if each.closed is None}
    used, checked = set[str](), dict[str, int]()
    for id_, (last, native) in (await store.imported.native_since(still)).items():
        if native:
            used.add(id_)
        else:
            checked[id_] = last
    await store.imports.close(used, why=Closed.IN_USE)
    await store.imports.note_checked(checked)
    return {
        id_: Following(
            conversation_id=id_,
            source=each.source,
            closed=Closed.IN_USE if id_ in used else each.closed,
            checked_seq=checked.get(id_, each.checked_seq),
            exported=each.exported,
        )
        for id_, each in found.items()
    }


async def _adopt(
    store: Store, conversations: Collection[Conversation], *, tenant_id: str
) -> dict[str, Following]:
    """Write the links of conversations that were imported before links were stored."""
    if not conversations:
        return {}
    made = [
        Following(
            conversation_id=each.id,
            source=each.external_id.partition(":")[0],
            closed=Closed.FINISHED if each.kind is Kind.DIRECT else None,
        )
        for each in conversations
    ]
    await store.imports.adopt(made, tenant_id=tenant_id)
    # After writing: a source that is finished at the same moment is found here, or finds these.
    finished = await store.imports.finished(tenant_id, {each.source for each in made})
    late = {each.conversation_id for each in made if each.source in finished}
    await store.imports.close(late, why=Closed.FINISHED)
    return await store.imports.find_many(each.id for each in conversations)


async def finish_import(log: Log[Store], *, actor: Actor, source: str) -> int:
    """Close every conversation of a source to its import; return how many were open.

    Running it again closes imports since then.

    Raises:
        InvalidArgument: the source is empty, longer than 100 characters, or holds a colon.
    """
    name = check_source(source, field="source")

    async def work(tx: Transaction) -> int:
        return await log.store.imports.finish(
            name, tenant_id=actor.tenant_id, now=log.clock.now(), tx=tx
        )

    closed = await log.store.transact(work)
    log_.info("import.finished", source=name, conversations=closed, by=actor.person_id)
    return closed
