"""SRC-3 and MSG-21 on a real index: words and labels end the same in any order of their facts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

import pytest
from search.domain.documents import Document
from search.kinds.message import TYPE as MESSAGE
from search.store import Store
from search.store.documents import source


def history(message: Callable[..., Any], id_: str, kinds: Sequence[str]) -> list[Document]:
    """Return the history of a message: each fact as the documents that search makes of it."""
    posted: Document = replace(message("words 1"), id=id_, version=1)
    documents, text = [posted], "words 1"
    labels: tuple[str, ...] = ()
    for version, kind in enumerate(kinds, start=2):
        if kind == "edit":
            text = f"words {version}"
            documents.append(replace(posted, version=version, text=text, labels=labels))
        else:
            labels = (f"label{version}",)
            documents.append(
                Document(
                    type=posted.type,
                    id=id_,
                    tenant_id=posted.tenant_id,
                    version=version,
                    labels=labels,
                    partial=True,
                )
            )
    return documents


@pytest.fixture
def stored(store: Store) -> Callable[..., Any]:
    async def read(id_: str) -> dict[str, Any]:
        index = store._names.read(MESSAGE)
        found = await store._client.get(index=index, id=id_)
        return dict(found["_source"])

    return read


@pytest.mark.rule("MSG-21")
@pytest.mark.rule("SRC-3")
async def test_edits_and_labels_end_the_same_in_any_order_and_batch(
    store: Store, now: datetime, message: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    for seed in range(40):
        chance = Random(seed)  # noqa: S311 - repeatable, no secret
        kinds = chance.choices(["edit", "label"], k=chance.randint(1, 5))
        facts = history(message, f"{message('').id}_{seed}", kinds)
        shuffled = chance.sample(facts, len(facts))
        batches = [[each] for each in shuffled] if seed % 2 else [shuffled]
        for batch in [*batches, *batches]:  # every fact comes twice
            assert await store.write(batch, now=now) == []
        found = await stored(facts[0].id)
        words = [each for each in facts if not each.partial][-1]
        assert found["text"] == words.text, (kinds, shuffled)
        assert tuple(found["labels"]) == facts[-1].labels, (kinds, shuffled)
        assert not found["gone"]


@pytest.mark.rule("MSG-12")
async def test_a_recalled_message_stays_gone_whatever_comes_late(
    store: Store, now: datetime, message: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    for seed in range(20):
        chance = Random(seed)  # noqa: S311 - repeatable, no secret
        facts = history(message, f"{message('').id}_{seed}", ["label", "edit", "label"])
        posted = facts[0]
        facts.append(
            Document(
                type=posted.type, id=posted.id, tenant_id=posted.tenant_id, version=5, gone=True
            )
        )
        for fact in chance.sample(facts, len(facts)):
            assert await store.write([fact], now=now) == []
        found = await stored(posted.id)
        assert found["gone"]
        assert "text" not in found
        assert "labels" not in found


async def test_labels_of_a_message_that_is_not_there_yet_are_found_by_nobody(
    store: Store, tenant: str, now: datetime, message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    posted, labelled = history(message, message("").id, ["label"])
    await store.write([labelled], now=now)
    await store.refresh()
    assert (await store.count(tenant_id=tenant))[MESSAGE] == 0

    await store.write([posted], now=now)
    await store.refresh()
    assert await texts("words") == ["words 1"]


async def test_a_document_from_before_labels_had_a_version_takes_newer_ones_only(
    store: Store, now: datetime, message: Callable[..., Any], stored: Callable[..., Any]
) -> None:
    posted, older, newer = history(message, message("").id, ["label", "label"])
    whole = replace(posted, version=2, labels=("whole",))
    await store._client.index(
        index=store._names.write(MESSAGE),
        id=posted.id,
        body=source(replace(whole, version=3), now=now),
        params={"version": "3", "version_type": "external_gte"},
    )
    await store.write([older], now=now)
    assert (await stored(posted.id))["labels"] == ["whole"]
    await store.write([replace(newer, version=4)], now=now)
    found = await stored(posted.id)
    assert (found["labels"], found["text"]) == (["label3"], "words 1")
