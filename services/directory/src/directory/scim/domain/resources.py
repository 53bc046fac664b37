"""SCIM resources of the feed, and the configuration of this service provider."""

from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeAlias

import scim2_models
from pydantic import Field
from scim2_models import (
    AnyExtension,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Mutability,
    Pagination,
    Patch,
    PatchOp,
    Reference,
    ResourceType,
    ResponseParameters,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
)

USERS: Final = "/Users"
GROUPS: Final = "/Groups"
MAX_RESULTS: Final = 200
DEFAULT_RESULTS: Final = 100
# Of Microsoft Entra, which half of the feeds are: both can confuse nothing.
POLICY: Final = ScimPolicy(
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Email(scim2_models.Email):
    """An address; the library's own refuses those of private domains, which companies have."""

    value: str | None = None


class User(scim2_models.User[AnyExtension]):
    """Person in the feed."""

    emails: list[Email] | None = None  # type: ignore[assignment]

    Emails: ClassVar[type[ComplexAttribute]] = Email


class Superior(scim2_models.Manager):
    """Manager of a person, requiring no more than RFC 7643, 8.7.1 does: feeds often send less."""

    value: Annotated[str | None, CaseExact.true] = None
    ref: Reference[scim2_models.User[Any]] | None = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class EnterpriseUser(scim2_models.EnterpriseUser):
    """The enterprise extension."""

    manager: Superior | None = None


class GroupMember(ComplexAttribute):
    """A person of a group; there are no groups in groups."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[scim2_models.User[Any]] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])
    # A label (RFC 7643, 2.4): feeds send it, and nothing here keeps or shows it.
    display: Annotated[str | None, Mutability.read_only] = None


class Group(scim2_models.Group):
    """A group that the feed may fill."""

    members: list[GroupMember] | None = None  # type: ignore[assignment]

    Members: ClassVar[type[ComplexAttribute]] = GroupMember


ENTERPRISE: Final = str(EnterpriseUser.__schema__)

# The library makes it at run time, which a type checker cannot follow.
FeedUser: TypeAlias = User[EnterpriseUser]
USER: Final[Any] = User[EnterpriseUser]

_CONFIG: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MAX_RESULTS),
    change_password=ChangePassword(supported=True),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="An API token with the scope people.provision",
            primary=True,
        )
    ],
    pagination=Pagination(
        cursor=False,
        index=True,
        default_pagination_method=Pagination.DefaultPaginationMethod.index,
        default_page_size=DEFAULT_RESULTS,
        max_page_size=MAX_RESULTS,
    ),
)

PROVIDER: Final = ScimProvider(
    models=[User, EnterpriseUser, Group],
    resource_types=[ResourceType.from_resource(USER), ResourceType.from_resource(Group)],
    config=_CONFIG,
    policy=POLICY,
)


@cache
def parts(model: type[Any]) -> type[Any]:
    """Return the type of the attributes that a request selects, of one resource type.

    Cached, as the two below: the library takes 0.1 s to make such a type when none is referenced.
    """
    return ResponseParameters[model]  # type: ignore[valid-type]


@cache
def searches(model: type[Any]) -> type[Any]:
    """Return the type of a search for resources of one type."""
    return SearchRequest[model]  # type: ignore[valid-type]


@cache
def patches(model: type[Any]) -> type[Any]:
    """Return the type of a patch of resources of one type."""
    return PatchOp[model]  # type: ignore[valid-type]
