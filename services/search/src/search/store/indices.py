"""Indexes: one physical index per kind of content, behind two aliases.

`<prefix>messages-v1` is read as `<prefix>messages` and written as `<prefix>messages-write`. A
rebuild creates the next one beside it and moves the aliases (SRC-8); nothing else names a physical
index.
"""

from typing import Any, Final

import structlog
from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import RequestError

from search.domain.definitions import Kinds
from search.domain.types import DocumentType
from search.kinds import KINDS
from search.store.client import IndexUnreachable, index_errors
from search.store.mappings import SCHEMA_VERSION, additions, documents_body, progress_body

log = structlog.get_logger()

_PROGRESS: Final = "progress"
_EXISTS: Final = "resource_already_exists_exception"
_TIMEOUT_SECONDS: Final = 30
_ATTEMPTS: Final = 10


class Names:
    """The names of all indexes and aliases under a prefix."""

    def __init__(self, prefix: str, *, kinds: Kinds = KINDS) -> None:
        self._prefix = prefix
        self.kinds = kinds
        self.progress = f"{prefix}{_PROGRESS}"

    def read(self, type_: DocumentType) -> str:
        """Return the alias that is searched."""
        return f"{self._prefix}{type_.plural}"

    def write(self, type_: DocumentType) -> str:
        """Return the alias that is written to."""
        return written(self.read(type_))

    def bodies(self) -> dict[str, dict[str, Any]]:
        """Return settings and mappings of each index, by its read alias."""
        documents = {self.read(type_): documents_body(type_) for type_ in self.kinds}
        return documents | {self.progress: progress_body()}

    def additions(self) -> dict[str, dict[str, Any]]:
        """Return the fields that an existing index may lack, by its read alias."""
        return {self.read(type_): additions(type_) for type_ in self.kinds}


def written(alias: str) -> str:
    """Return the write alias of a read alias."""
    return f"{alias}-write"


def generation(alias: str, *, after: str) -> str:
    """Return the name of the index that replaces another one: `…-v2`, then `…-v2-2`, `…-v2-3`."""
    first = _physical(alias)
    if after == first:
        return f"{first}-2"
    number = after.removeprefix(f"{first}-")
    return f"{first}-{int(number) + 1}" if after != number else first


async def provision(client: AsyncOpenSearch, names: Names) -> None:
    """Create missing indexes and aliases, and update the similarity.

    The similarity of an index made by another version is replaced in place, which takes a second:
    its aliases are removed meanwhile, so that writers wait and readers are asked to retry. Nothing
    is reindexed. If a process ends midway, the next one completes it.

    Raises:
        IndexUnreachable: OpenSearch cannot be reached.
    """
    for alias, body in names.bodies().items():
        with index_errors("provision"):
            held = await _held(client, alias)
            if not held:
                await _create(client, alias, body)
            if held <= {_physical(alias)}:  # a rebuilt index was made with everything
                await _update(client, alias, body)
            elif not any(each.startswith(_physical(alias)) for each in held):
                log.warning("index.schema_differs", index=alias, wanted=SCHEMA_VERSION)
            await _add_fields(client, alias, names.additions().get(alias, {}))


async def _held(client: AsyncOpenSearch, alias: str) -> set[str]:
    """Return the indexes behind both aliases."""
    names = (alias, written(alias))
    if not all([await client.indices.exists_alias(name=name) for name in names]):
        return set()
    return set(await client.indices.get_alias(name=",".join(names)))


async def _create(client: AsyncOpenSearch, alias: str, body: dict[str, Any]) -> None:
    index = _physical(alias)
    try:
        await client.indices.create(
            index=index,
            body={**body, "aliases": _aliases(alias)},
            params={"timeout": f"{_TIMEOUT_SECONDS}s"},
            request_timeout=_TIMEOUT_SECONDS,
        )
    except RequestError as error:
        # several processes start at once, and one of them is first
        if error.error != _EXISTS:
            raise
        return
    log.info("index.created", index=index)


async def _update(client: AsyncOpenSearch, alias: str, body: dict[str, Any]) -> None:
    """Replace an outdated similarity; log an index whose shape is of another version."""
    index = _physical(alias)
    wanted = body["settings"]["index"].get("similarity")
    for _ in range(_ATTEMPTS):
        found = (await client.indices.get(index=index))[index]
        settings = found["settings"]["index"]
        is_open = settings.get("verified_before_close") != "true"
        if wanted is not None and settings.get("similarity") != wanted:
            await _replace_similarity(client, alias, index, wanted)
        elif not (is_open and set(found["aliases"]) >= set(_aliases(alias))):
            await _open(client, alias, index)
        else:
            break
    else:
        raise IndexUnreachable(doing="provision", cause="another process changes the index too")
    version = found["mappings"].get("_meta", {}).get("schema_version")
    if version != SCHEMA_VERSION:
        log.warning("index.schema_differs", index=index, found=version, wanted=SCHEMA_VERSION)


async def _replace_similarity(
    client: AsyncOpenSearch, alias: str, index: str, wanted: dict[str, Any]
) -> None:
    """Close the index, set the similarity, open it; another process may do so at once."""
    log.info("index.similarity_outdated", index=index)
    remove = {"remove": {"index": index, "aliases": list(_aliases(alias)), "must_exist": False}}
    try:
        await client.indices.update_aliases(body={"actions": [remove]})
        await client.indices.close(index=index, request_timeout=_TIMEOUT_SECONDS)
        await client.indices.put_settings(index=index, body={"index": {"similarity": wanted}})
    except RequestError as error:
        # another process has reopened it in between; its settings are read again
        log.info("index.similarity_not_replaced", index=index, cause=error.error)


async def _open(client: AsyncOpenSearch, alias: str, index: str) -> None:
    await client.indices.open(index=index, request_timeout=_TIMEOUT_SECONDS)
    add = [
        {"add": {"index": index, "alias": name, **options}}
        for name, options in _aliases(alias).items()
    ]
    await client.indices.update_aliases(body={"actions": add})
    log.info("index.opened", index=index)


def _physical(alias: str) -> str:
    return f"{alias}-v{SCHEMA_VERSION}"


def _aliases(alias: str) -> dict[str, dict[str, Any]]:
    return {alias: {}, written(alias): {"is_write_index": True}}


async def _add_fields(client: AsyncOpenSearch, alias: str, fields: dict[str, Any]) -> None:
    if fields:
        await client.indices.put_mapping(index=alias, body={"properties": fields})
