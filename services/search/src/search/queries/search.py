"""Search in objects that a person may read, and nothing else (SRC-1, SRC-2)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from plexuskit.errors import InvalidArgument

from search.domain import paging
from search.domain.definitions import Kinds
from search.domain.query import parse
from search.domain.types import DocumentType
from search.queries.owners import Access, Reader, Reference
from search.queries.permits import Permits
from search.queries.status import Freshness
from search.store import Filters, Found, FoundPage, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A requested search; no types mean all, a page size of 0 the default one."""

    query: str
    types: tuple[str, ...] = ()
    page_size: int = 0
    page_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Page of hits; an empty token marks the last one."""

    total: int
    partial: bool
    found: tuple[Found, ...]
    next_page_token: str


async def search(
    store: Store,
    *,
    access: Access,
    permits: Permits,
    freshness: Freshness,
    tokens: paging.PageTokens,
    reader: Reader,
    asked: SearchRequest,
) -> SearchPage:
    """Find documents that the person may read now.

    The owners' answers filter inside the query, so totals count nothing else. Every hit is
    confirmed with its owner before it is returned: hits that were just withdrawn or recalled are
    dropped. Types outside the caller's token or roles are not searched; hits refused by a policy
    are neither returned nor counted (GW-9, GW-10), and a hidden column neither matches nor appears
    (GW-3).

    Raises:
        QueryInvalid: the query is empty, too long, or has nothing that can be searched.
        InvalidArgument: a type does not exist.
        InvalidPageToken: the token is not of this search.
        DependencyDown: an owner or the index does not answer.
        AccessNotCurrent: roles and policies are not known.
    """
    query = parse(asked.query)
    types = _types(asked.types, kinds=store.kinds)
    search_mark = json.dumps(
        [asked.query, *(each.name for each in types), reader.tenant_id, reader.person_id]
    )
    after = tokens.place(asked.page_token, search=search_mark)
    limit = paging.page_size(asked.page_size)

    parts = permits.parts(permits.types(types))
    types = tuple(each for each, shown in parts.items() if shown.findable)
    if not types:
        is_behind = await freshness.is_behind()
        return SearchPage(total=0, partial=is_behind, found=(), next_page_token="")
    readable = await permits.readable(await access.readable(reader, types=types), kinds=store.kinds)
    filters = Filters(tenant_id=reader.tenant_id, types=types, readable=readable, parts=parts)
    page = await store.search(query, filters=filters, after=after, limit=limit)
    still = await _still_readable(page, access=access, reader=reader)
    shown = tuple(found for found in still if permits.shows(found))
    return SearchPage(
        total=(
            max(page.total - (len(page.found) - len(shown)), 0)
            if permits.counted(types)
            else len(shown)
        ),
        partial=await freshness.is_behind(),
        found=shown,
        next_page_token=(
            tokens.token(page.next_place, search=search_mark) if page.next_place else ""
        ),
    )


async def _still_readable(page: FoundPage, *, access: Access, reader: Reader) -> tuple[Found, ...]:
    references: dict[DocumentType, list[Reference]] = {}
    for found in page.found:
        reference = Reference(
            kind=found.type.name, id=found.id, container_id=found.container_id, seq=found.seq
        )
        references.setdefault(found.type, []).append(reference)
    allowed = await access.recheck(reader, references)
    return tuple(found for found in page.found if (found.type, found.id) in allowed)


def _types(asked: Sequence[str], *, kinds: Kinds) -> tuple[DocumentType, ...]:
    unknown = sorted(set(asked) - set(kinds.names))
    if unknown:
        problem = f"has {unknown[0][:40]!r}; possible are {', '.join(kinds.names)}"
        raise InvalidArgument(field="types", problem=problem)
    return tuple(each for each in kinds if not asked or each.name in asked)
