"""Insertion of states into the history: each version once, in any order of arrival."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from plexuskit.mongo import DuplicateKey, Retry, Transaction

from audit.domain.history import (
    NO_VERSION,
    Difference,
    Interval,
    Known,
    State,
    changed_marks,
    insert,
)
from audit.store import Store
from audit.store.history import Newest, Writes

BATCH: Final = 200
# Size of one transaction: it must end long before the server's limit of three seconds.
RELATIONS: Final = 4_000

Key = tuple[str, int]
"""A part and its version."""


async def remember(store: Store, *, states: Sequence[State]) -> Mapping[Key, Difference]:
    """Insert states into the history; return the changes of each version, known ones included.

    A version that is known stays, and its time is corrected if it was not exact. One older than the
    newest is inserted where it belongs, so the order of arrival makes no difference.

    Raises:
        DependencyDown: the store failed; some may be written.
    """
    found: dict[Key, Difference] = {}
    waiting = {(each.part, each.version): each for each in states}
    for batch in _batches(waiting[key] for key in sorted(waiting)):
        fresh = await _remember(store, batch)
        known = {(state.part, state.version) for state in batch} - fresh.keys()
        found |= {**fresh, **await store.history.differences(known)}
    return found


def _batches(states: Iterable[State]) -> Iterator[list[State]]:
    batch: list[State] = []
    relations = 0
    for state in states:
        if batch and (len(batch) == BATCH or relations + len(state.relations) > RELATIONS):
            yield batch
            batch, relations = [], 0
        batch.append(state)
        relations += len(state.relations)
    if batch:
        yield batch


async def _remember(store: Store, batch: Sequence[State]) -> Mapping[Key, Difference]:
    async def work(tx: Transaction) -> Mapping[Key, Difference]:
        return await _Insertions(store, tx=tx).put(batch)

    return await store.transact(work)


class _Insertions:
    """One transaction's states: the newest of their parts together, late ones one by one."""

    def __init__(self, store: Store, *, tx: Transaction) -> None:
        self._history = store.history
        self._tx = tx
        self._found: dict[Key, Difference] = {}

    async def put(self, batch: Sequence[State]) -> Mapping[Key, Difference]:
        """Write the states that are not known, in order of part and version."""
        parts = {state.part for state in batch}
        newest = await self._history.newest(parts, tx=self._tx)
        late = [state for state in batch if state.version <= _version(newest, state)]
        ahead = [state for state in batch if state.version > _version(newest, state)]
        try:
            await self._append(ahead, newest)
            known = await self._history.known(late, tx=self._tx)
            exact = [each for each in late if each.exact and (each.part, each.version) in known]
            await self._history.correct(exact, tx=self._tx)
            for state in late:
                # One after the other: each works on the result of the previous split.
                if (state.part, state.version) not in known:
                    await self._put_late(state)
        except DuplicateKey as raced:
            raise Retry from raced
        return self._found

    async def _append(self, states: Sequence[State], newest: Mapping[str, Newest]) -> None:
        known = {part for part in newest if any(state.part == part for state in states)}
        current = await self._history.open(known, tx=self._tx) if known else {}
        marks = {part: each.marks for part, each in newest.items()}
        writes = Writes()
        for state in states:
            fields = changed_marks(marks.get(state.part, {}), state.marks)
            around = current.get(state.part, [])
            done = insert(state, around=around, after=None, changed=fields)
            writes.version(state, fields=fields)
            writes.newest(state)
            writes.change(gone=done.gone, made=done.made)
            current[state.part] = _still_open(around, gone=done.gone, made=done.made)
            marks[state.part] = state.marks
            self._found[state.part, state.version] = done.difference
        await self._history.write(writes, tx=self._tx)

    async def _put_late(self, state: State) -> None:
        after: Known | None = await self._history.after(state.part, state.version, tx=self._tx)
        if after is None:
            raise Retry
        around = await self._history.around(state.part, state.version, after=after, tx=self._tx)
        done = insert(state, around=around, after=after, changed=())
        writes = Writes()
        writes.version(state, fields=())
        writes.change(gone=done.gone, made=done.made)
        await self._history.write(writes, tx=self._tx)
        self._found[state.part, state.version] = done.difference


def _version(newest: Mapping[str, Newest], state: State) -> int:
    known = newest.get(state.part)
    return 0 if known is None else known.version


def _still_open(
    around: Iterable[Interval], *, gone: Iterable[Interval], made: Iterable[Interval]
) -> list[Interval]:
    left = set(gone)
    kept = [interval for interval in around if interval not in left]
    return [each for each in (*kept, *made) if each.to_version == NO_VERSION]
