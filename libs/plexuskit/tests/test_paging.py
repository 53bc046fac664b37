"""Pages are bounded by count and by bytes (MSG-21)."""

import pytest
from plexuskit.mongo import Database
from plexuskit.paging import PageBudget, cut


@pytest.mark.rule("MSG-21")
@pytest.mark.parametrize(
    ("limit", "sizes", "taken", "more"),
    [
        (3, [1, 1, 1], 3, False),
        (3, [1, 1, 1, 1], 3, True),
        (10, [40, 40, 20], 3, False),
        (10, [40, 40, 21], 2, True),
        (10, [1_000], 1, False),
        (10, [1_000, 1], 1, True),
        (10, [], 0, False),
    ],
)
def test_msg_21_a_page_ends_at_its_count_or_its_bytes(limit, sizes, taken, more):
    assert cut(sizes, limit=limit, size_of=lambda size: size, max_bytes=100) == (
        sizes[:taken],
        more,
    )


@pytest.mark.rule("MSG-21")
@pytest.mark.parametrize(("items", "max_bytes"), [(5, 10_000), (100, 500), (1, 1)])
async def test_msg_21_a_page_of_documents_goes_on_where_it_ended(
    db: Database, items: int, max_bytes: int
) -> None:
    collection = db.collection("pages", schema_version=1)
    await collection.insert_many([{"_id": number, "text": "x" * 100} for number in range(12)])
    seen, more = [], True
    while more:
        page, more = await collection.find_page(
            {"_id": {"$gt": seen[-1] if seen else -1}},
            budget=PageBudget(items=items, max_bytes=max_bytes),
            size_of=lambda document: len(document["text"]),
            sort=[("_id", 1)],
        )
        assert 0 < len(page) <= min(items, max(1, max_bytes // 100))
        seen += [document["_id"] for document in page]

    assert seen == list(range(12))
