"""Progress numbers of the relay: published ones, and the handling of gaps."""

from plexus_testkit.wait import eventually
from plexuskit.mongo import Collection, Database, Index
from plexuskit.relay import FactSource, replay_by_fields
from plexuskit.relay.progress import Numbers
from plexuskit.relay.publisher import GAPS

from .relay_support import (
    ENTRIES,
    Arrived,
    Relaying,
    complete,
    entry,
    have_all,
    leads,
    progress,
    skip_stream,
    write,
)


async def test_msg_06_a_missing_number_is_fetched_before_the_next_is_published(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
    await write(entries, range(1, 1201))
    await skip_stream(db)

    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, [1201])
        # Sooner than the sweep would look.
        await eventually(have_all(arrived, 1201), within=4.5)

    assert arrived.numbers() == complete(1201)


async def test_a_number_that_does_not_exist_holds_up_nothing_and_is_counted(
    entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    before = GAPS._value.get()
    async with relaying():
        await entries.insert_many([entry("cnv_0", 1), entry("cnv_0", 4)])
        await eventually(have_all(arrived, 4, conversations=1))

    assert arrived.numbers() == {"cnv_0": [1, 4]}
    assert GAPS._value.get() == before + 2


async def test_a_source_that_is_not_dense_is_followed_by_its_last_numbers(
    db: Database, arrived: Arrived, relaying: Relaying
) -> None:
    loose = FactSource(
        **{name: getattr(ENTRIES, name) for name in ("topic", "key", "scope", "number", "event")},
        collection="advances",
        traceparent=lambda _: "",
        dense=False,
        mark_published=False,
        replay=replay_by_fields("conversation_id", "change_no"),
        recent=ENTRIES.recent,
    )
    advances = db.collection("advances", schema_version=1)
    await advances.ensure_indexes([Index(keys=[("conversation_id", 1), ("change_no", 1)])])
    await advances.insert_many([entry("cnv_0", n) for n in (3, 8)])

    async with relaying(loose):
        await eventually(lambda: leads(db))
        await advances.insert_many([entry("cnv_0", n) for n in (15, 40)])
        await eventually(lambda: arrived.numbers() == {"cnv_0": [3, 8, 15, 40]})


async def test_numbers_of_quiet_scopes_leave_memory_and_come_back(db: Database) -> None:
    numbers = Numbers(db, capacity=10)
    for n in range(50):
        await numbers.load([f"entries:cnv_{n}"])
        numbers.advance(f"entries:cnv_{n}", n + 1)
    assert len(numbers._last) == 50
    await numbers.flush()
    assert len(numbers._last) == 10

    await numbers.load(["entries:cnv_0", "entries:unknown"])

    assert numbers.last("entries:cnv_0") == 1
    assert numbers.last("entries:unknown") == 0


async def test_a_published_number_never_falls(db: Database) -> None:
    newer, older = Numbers(db), Numbers(db)
    for numbers, number in ((newer, 9), (older, 4)):
        await numbers.load(["entries:cnv_0"])
        numbers.advance("entries:cnv_0", number)
    await newer.flush()
    await older.flush()

    assert await progress(db) == {"entries:cnv_0": 9}
