"""SRC-1: documents hidden from the caller change nothing in the caller's results."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from opensearchpy import AsyncOpenSearch
from search.config import OpensearchSection
from search.domain.documents import Document
from search.store import FoundPage, Store, connect

HIDDEN = 1_000
OWN = (
    "项目代号 曙光 已经启动",
    "曙光 曙光 曙光",
    "代号 曙光，预算 曙光 待批",
    "The codename aurora stands for the new plant",
    "aurora budget",
    "budget of the plant, budget of the office, aurora",
    "PO-33817 到货，曙光 用",
)
QUERIES = ("曙光", "曙光 代号", "代号曙光什么时候启动", "aurora budget", "PO-33817", "预算 plant")
# More than that is found by the query at least once in every hidden document.
HIDDEN_TEXT = "曙光 代号 预算 启动 aurora budget plant codename PO-33817 "


@pytest.fixture
def pages(find: Callable[..., Any]) -> Callable[[], Any]:
    """Answers to all queries, two hits a page, as a member of the room."""

    async def asked() -> dict[str, list[FoundPage]]:
        answers: dict[str, list[FoundPage]] = {}
        for query in QUERIES:
            page = await find(query, limit=2)
            answers[query] = [page]
            while len(page.found) == 2:
                page = await find(query, limit=2, after=page.found[-1].place)
                answers[query].append(page)
        return answers

    return asked


@pytest.mark.usefixtures("own_store")
@pytest.mark.rule("SRC-1")
async def test_src_01_hidden_documents_change_neither_scores_nor_order_nor_pages(
    index: Callable[..., Any], message: Callable[..., Document], pages: Callable[[], Any]
) -> None:
    await index(*(message(text) for text in OWN))
    before = await pages()
    assert sum(len(found) for found in before.values()) > len(QUERIES)

    hidden: Sequence[Document] = [
        replace(message(HIDDEN_TEXT * (1 + number % 7)), containers=("conversation:cnv_other",))
        for number in range(HIDDEN)
    ]
    await index(*hidden)

    assert await pages() == before


async def _as_of_old(client: AsyncOpenSearch, index: str) -> None:
    """Set the similarity that counts documents, as earlier versions left it."""
    await client.indices.close(index=index)
    settings = {
        "index.similarity.default.type": "BM25",
        "index.similarity.default.script.source": None,
    }
    await client.indices.put_settings(index=index, body=settings)
    await client.indices.open(index=index)


async def test_src_08_an_index_of_an_earlier_version_gets_the_similarity_in_place(
    own_store: Store,
    section: OpensearchSection,
    index: Callable[..., Any],
    message: Callable[..., Document],
    pages: Callable[[], Any],
) -> None:
    await index(*(message(text) for text in OWN))
    before = await pages()
    name = f"{section.index_prefix}messages-v1"
    async with connect(section) as client:
        await _as_of_old(client, name)
        assert await pages() != before

        await own_store.provision()

        assert await pages() == before
        aliases = (await client.indices.get_alias(index=name))[name]["aliases"]
        assert set(aliases) == {name.removesuffix("-v1"), f"{name.removesuffix('-v1')}-write"}


@pytest.mark.parametrize("stopped_after", ["aliases", "close", "settings", "open"])
async def test_src_08_an_upgrade_that_was_stopped_midway_is_finished_by_the_next_process(
    stopped_after: str,
    own_store: Store,
    section: OpensearchSection,
    index: Callable[..., Any],
    message: Callable[..., Document],
    pages: Callable[[], Any],
) -> None:
    await index(*(message(text) for text in OWN))
    before = await pages()
    name = f"{section.index_prefix}messages-v1"
    async with connect(section) as client:
        wanted = (await client.indices.get(index=name))[name]["settings"]["index"]["similarity"]
        await _as_of_old(client, name)
        steps: dict[str, Callable[[], Any]] = {
            "aliases": lambda: client.indices.update_aliases(
                body={"actions": [{"remove": {"index": name, "alias": f"{section.index_prefix}*"}}]}
            ),
            "close": lambda: client.indices.close(index=name),
            "settings": lambda: client.indices.put_settings(
                index=name, body={"index": {"similarity": wanted}}
            ),
            "open": lambda: client.indices.open(index=name),
        }
        for step, take in steps.items():
            await take()
            if step == stopped_after:
                break

        await own_store.provision()

    assert await pages() == before
