"""Service provider configuration, resource types and schemas (RFC 7644, 4)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scim2_models import (
    Context,
    ForbiddenException,
    ListResponse,
    Meta,
    NotFoundException,
    Resource,
)

from directory.scim.api.errors import refused
from directory.scim.api.exchange import Answer, Exchange
from directory.scim.domain.resources import PROVIDER

CONFIG: Final = "ServiceProviderConfig"
TYPES: Final = "ResourceTypes"
SCHEMAS: Final = "Schemas"


def discover(exchange: Exchange) -> Answer:
    """Answer one of the three discovery endpoints.

    Raises:
        NotFoundException: there is no such schema or resource type.
        ForbiddenException: a filter was given, which these do not take.
    """
    endpoint, *rest = exchange.segments
    if exchange.method != "GET":
        return refused(405, "This can only be read.", allow="GET")
    if "filter" in exchange.parameters:
        raise ForbiddenException(detail="Discovery endpoints take no filter.")
    if endpoint == CONFIG:
        if rest or PROVIDER.config is None:
            raise NotFoundException
        return Answer(status=200, body=_shown(PROVIDER.config, exchange, endpoint, ""))

    resources: Sequence[Resource[Any]] = (
        PROVIDER.resource_types if endpoint == TYPES else PROVIDER.schemas
    )
    shown = {str(each.id): _shown(each, exchange, endpoint, str(each.id)) for each in resources}
    if not rest:
        return Answer(status=200, body=listed(list(shown.values()), total=len(shown)))
    if len(rest) > 1 or rest[0] not in shown:
        raise NotFoundException
    return Answer(status=200, body=shown[rest[0]])


def listed(
    resources: Sequence[Mapping[str, Any]], *, total: int, start_index: int = 1
) -> dict[str, Any]:
    """Return the list response of resources that are JSON already."""
    return {
        "schemas": [str(ListResponse.__schema__)],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def _shown(resource: Resource[Any], exchange: Exchange, endpoint: str, id_: str) -> dict[str, Any]:
    copy = resource.model_copy()
    copy.meta = Meta(
        resource_type=endpoint.removesuffix("s") if id_ else endpoint,
        location=exchange.location(f"/{endpoint}", id_),
    )
    shown: dict[str, Any] = copy.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return shown
