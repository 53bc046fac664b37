"""Writing imported messages: only while their conversation follows the export (GW-11)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from plexuskit.errors import Refusal
from plexuskit.mongo import Transaction

from messaging.importing.domain import Closed, Exported, ImportClosed
from messaging.importing.store.stores import Store

log = structlog.get_logger()


async def check_following(
    store: Store, conversation_id: str, *, tx: Transaction, exported: Exported | None = None
) -> None:
    """Refuse a change of an imported conversation or message that no longer follows its export.

    Called in the transaction of the change: a native message meets the number of its entry,
    `FinishImport` the note that is written here.

    Args:
        store: store of the conversations.
        conversation_id: the conversation.
        tx: the transaction of the change.
        exported: state of the export, recorded if given.

    Raises:
        ImportClosed: people use the conversation, or its import was finished.
    """
    found = (await store.imports.find_many([conversation_id], tx=tx)).get(conversation_id)
    if found is None or found.closed is not None:
        raise ImportClosed(conversation_id=conversation_id)
    since = await store.imported.native_since({conversation_id: found.checked_seq}, tx=tx)
    if since.get(conversation_id, (0, False))[1]:
        raise ImportClosed(conversation_id=conversation_id)
    await store.imports.note_followed(replace(found, exported=exported or found.exported), tx=tx)


async def append_imported(
    store: Store, documents: Sequence[dict[str, Any]], ends: Mapping[str, int]
) -> dict[str, Refusal]:
    """Write entries of imported messages in order, all of them or none.

    One transaction reads whether each conversation still follows its export, records the progress
    of the import, and writes. A native message conflicts on the number of an entry, `FinishImport`
    on the progress: of two concurrent writes one is decided again on the result of the other.

    Args:
        store: of the conversations.
        documents: the entries, with the numbers that follow the logs as they were read.
        ends: the last `seq` that they give each conversation.

    Returns:
        Refusals by conversation that an import leaves alone from now on; then nothing is written.

    Raises:
        DuplicateKey: a number or a request id is taken; nothing is written.
        DependencyDown: the store failed.
    """

    async def work(tx: Transaction) -> tuple[set[str], set[str]]:
        following = await store.imports.find_many(ends, tx=tx)
        checked = {id_: each.checked_seq for id_, each in following.items() if not each.closed}
        since = await store.imported.native_since(checked, tx=tx)
        used = {id_ for id_, (_, native) in since.items() if native}
        closed = (ends.keys() - checked.keys()) | used
        if closed:
            await store.imports.close(used, why=Closed.IN_USE, tx=tx)
        else:
            await store.imports.note_checked(ends, tx=tx)
            await store.entries.append(list(documents), tx=tx)
        return closed, used

    closed, used = await store.transact(work)
    for conversation_id in sorted(used):
        log.info("import.cut", conversation_id=conversation_id)
    return {id_: ImportClosed(conversation_id=id_) for id_ in closed}
