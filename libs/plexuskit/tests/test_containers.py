"""Pages of readable containers: bounded by bytes, put together again, of one version."""

import pytest
from plexus.authz.v1.authority_pb2 import Container, ReadableContainersRequest
from plexuskit.containers import page_of, read_containers
from plexuskit.errors import DependencyDown
from plexuskit.paging import MAX_PAGE_BYTES, InvalidPageToken

ASKED = ReadableContainersRequest(tenant_id="ten_acme", person_id="ann")


def containers(count: int) -> list[Container]:
    return [
        Container(kind="conversation", id=f"cnv_{number:026}", peer_id="p" * 90)
        for number in reversed(range(count))
    ]


async def test_all_containers_come_in_pages_of_two_mebibytes() -> None:
    everything, sizes = containers(50_000), []

    async def ask(request: ReadableContainersRequest):
        page = page_of(request, version="v1", containers=everything)
        sizes.append(page.ByteSize())
        return page

    whole = await read_containers(ask, ASKED, owner="messaging")

    assert len(sizes) > 3
    assert max(sizes) <= MAX_PAGE_BYTES + 1_000
    assert [each.id for each in whole.containers] == sorted(each.id for each in everything)
    assert not whole.next_page_token


async def test_what_is_known_already_is_not_sent_again() -> None:
    asked = ReadableContainersRequest(tenant_id="ten_acme", person_id="ann", known_version="v1")

    assert page_of(asked, version="v1", containers=containers(1)).unchanged
    assert len(page_of(asked, version="v2", containers=containers(1)).containers) == 1


async def test_pages_of_two_versions_are_never_put_together() -> None:
    versions = iter(["v1", "v2", "v2", "v2", "v2", "v2"])

    async def ask(request: ReadableContainersRequest):
        version = next(versions)
        count = 30_000 if version == "v1" else 25_000
        return page_of(request, version=version, containers=containers(count))

    whole = await read_containers(ask, ASKED, owner="messaging")

    assert whole.version == "v2"
    assert len({each.id for each in whole.containers}) == len(whole.containers) == 25_000


async def test_containers_that_change_with_every_page_are_reported_as_an_outage() -> None:
    calls = 0

    async def ask(request: ReadableContainersRequest):
        nonlocal calls
        calls += 1
        return page_of(request, version=str(calls), containers=containers(25_000))

    with pytest.raises(DependencyDown):
        await read_containers(ask, ASKED, owner="messaging")


async def test_a_token_of_another_person_is_refused() -> None:
    first = page_of(ASKED, version="v1", containers=containers(25_000))
    other = ReadableContainersRequest(
        tenant_id="ten_acme", person_id="bob", page_token=first.next_page_token
    )

    with pytest.raises(InvalidPageToken):
        page_of(other, version="v1", containers=containers(1))
