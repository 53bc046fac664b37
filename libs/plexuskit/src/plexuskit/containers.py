"""Pages of `Authority.ReadableContainers`: made by owners, put together by those who ask."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from plexus.authz.v1.authority_pb2 import (
    Container,
    ReadableContainersRequest,
    ReadableContainersResponse,
)

from plexuskit.errors import DependencyDown
from plexuskit.paging import Listing, cut

# A list of the largest person fits into a few pages: it is read again if it changes meanwhile.
_ATTEMPTS: Final = 5
_MAX_CONTAINERS: Final = 1_000_000

Ask = Callable[[ReadableContainersRequest], Awaitable[ReadableContainersResponse]]


def page_of(
    request: ReadableContainersRequest, *, version: str, containers: Iterable[Container]
) -> ReadableContainersResponse:
    """Return the page of a person's containers that a request asks for, at most 2 MiB.

    Args:
        request: the request.
        version: version of all containers.
        containers: all of them, in any order.

    Refusals: InvalidPageToken.
    """
    if request.known_version == version and not request.page_token:
        return ReadableContainersResponse(version=version, unchanged=True)
    listing = Listing(name="containers", filters=(request.tenant_id, request.person_id))
    after = listing.position(request.page_token, shape=(str, str))
    ordered = sorted(containers, key=_place)
    rest = [each for each in ordered if after is None or _place(each) > after]
    page, more = cut(rest, limit=_MAX_CONTAINERS, size_of=_size)
    token = listing.token(page[-1].kind, page[-1].id) if more else ""
    return ReadableContainersResponse(version=version, containers=page, next_page_token=token)


async def read_containers(
    ask: Ask, request: ReadableContainersRequest, *, owner: str
) -> ReadableContainersResponse:
    """Ask an owner for everything a person may read; return it as one answer.

    All pages have one version: when the containers change meanwhile, they are read from the start.

    Args:
        ask: makes one call.
        request: without a page token.
        owner: the service that is asked, for the error.

    Raises:
        DependencyDown: they change faster than they can be read; also the errors of `ask`.
    """
    for _ in range(_ATTEMPTS):
        whole = page = await ask(request)
        while page.next_page_token and page.version == whole.version:
            following = ReadableContainersRequest()
            following.CopyFrom(request)
            following.page_token = page.next_page_token
            page = await ask(following)
            whole.containers.extend(page.containers)
        if page.version == whole.version:
            whole.next_page_token = ""
            return whole
    raise DependencyDown(dependency=owner, cause="containers change while they are read")


def _place(container: Container) -> tuple[str, str]:
    return container.kind, container.id


def _size(container: Container) -> int:
    # Its tag and length beside it.
    return container.ByteSize() + 6
