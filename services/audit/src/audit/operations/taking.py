"""A batch of facts: the history first, for the changes of each, then the ledger."""

from collections.abc import Sequence

from audit.domain.details import detailed
from audit.domain.history import merged
from audit.events import ParsedFact
from audit.operations.recording import LedgerWriter
from audit.operations.remembering import remember
from audit.store import Store


async def take_facts(
    store: Store, *, ledger_writer: LedgerWriter, parsed: Sequence[ParsedFact]
) -> None:
    """Insert facts into the history and record them with their changes.

    Both steps take effect once however often they are repeated, so a process that dies between them
    loses nothing: the changes of a known version are read from the history again. An event in a
    ledger has completed both.

    Raises:
        DependencyDown: the store failed; the same facts may be processed again.
    """
    recorded = await store.ledger.recorded(each.occurrence.event_id for each in parsed)
    fresh = [each for each in parsed if each.occurrence.event_id not in recorded]
    differences = await remember(store, states=[state for each in fresh for state in each.states])
    await ledger_writer.record(
        [
            detailed(
                each.occurrence,
                merged(differences[state.part, state.version] for state in each.states),
            )
            for each in fresh
        ]
    )
