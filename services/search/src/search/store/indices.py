"""Which indexes there are: one physical index per kind of content, behind two aliases.

`<prefix>messages-v1` is read as `<prefix>messages` and written as `<prefix>messages-write`. A
rebuild makes the next one beside it and moves the aliases (SRC-8); nothing else names a physical
index.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import structlog
from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import RequestError

from search.domain.documents import DocumentType
from search.store.client import index_errors
from search.store.mappings import SCHEMA_VERSION, additions, documents_body, progress_body

log = structlog.get_logger()

_PLURALS: Final[Mapping[DocumentType, str]] = MappingProxyType(
    {
        DocumentType.MESSAGE: "messages",
        DocumentType.TASK: "tasks",
        DocumentType.PERSON: "people",
    }
)
_PROGRESS: Final = "progress"
_EXISTS: Final = "resource_already_exists_exception"
_TIMEOUT_SECONDS: Final = 30


class Names:
    """The names of all indexes and aliases under a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.progress = f"{prefix}{_PROGRESS}"

    def read(self, type_: DocumentType) -> str:
        """Return the alias that is searched."""
        return f"{self._prefix}{_PLURALS[type_]}"

    def write(self, type_: DocumentType) -> str:
        """Return the alias that is written to."""
        return written(self.read(type_))

    def bodies(self) -> dict[str, dict[str, Any]]:
        """Return what each index looks like, by its read alias."""
        documents = {self.read(type_): documents_body(type_) for type_ in DocumentType}
        return documents | {self.progress: progress_body()}

    def additions(self) -> dict[str, dict[str, Any]]:
        """Return the fields that an existing index may lack, by its read alias."""
        return {self.read(type_): additions(type_) for type_ in DocumentType}


def written(alias: str) -> str:
    """Return the write alias of a read alias."""
    return f"{alias}-write"


async def provision(client: AsyncOpenSearch, names: Names) -> None:
    """Create what is missing of indexes and aliases; what exists stays as it is.

    Raises:
        IndexUnreachable: OpenSearch cannot be reached.
    """
    for alias, body in names.bodies().items():
        with index_errors("provision"):
            if await client.indices.exists_alias(name=alias):
                await _check(client, alias)
                await _add_fields(client, alias, names.additions().get(alias, {}))
                continue
            await _create(client, alias, body)


async def _create(client: AsyncOpenSearch, alias: str, body: dict[str, Any]) -> None:
    index = f"{alias}-v{SCHEMA_VERSION}"
    aliases: dict[str, Any] = {alias: {}, written(alias): {"is_write_index": True}}
    try:
        await client.indices.create(
            index=index,
            body={**body, "aliases": aliases},
            params={"timeout": f"{_TIMEOUT_SECONDS}s"},
            request_timeout=_TIMEOUT_SECONDS,
        )
    except RequestError as error:
        # several processes start at once, and one of them is first
        if error.error != _EXISTS:
            raise
        return
    log.info("index.created", index=index)


async def _add_fields(client: AsyncOpenSearch, alias: str, fields: dict[str, Any]) -> None:
    if fields:
        await client.indices.put_mapping(index=alias, body={"properties": fields})


async def _check(client: AsyncOpenSearch, alias: str) -> None:
    """Say when an index was made by another version of this service: it works, but not in full."""
    mappings = await client.indices.get_mapping(index=alias)
    for index, body in mappings.items():
        version = body["mappings"].get("_meta", {}).get("schema_version")
        if version != SCHEMA_VERSION:
            log.warning("index.schema_differs", index=index, found=version, wanted=SCHEMA_VERSION)
