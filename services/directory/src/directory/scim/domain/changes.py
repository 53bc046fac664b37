"""Changes of a resource as PUT and PATCH ask for them (RFC 7644, 3.5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scim2_models import Context, Resource

from directory.scim.domain.resources import POLICY, patches

ResourceT = TypeVar("ResourceT", bound=Resource[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[ResourceT]):
    """Pure function from the current resource to the wanted one.

    `activates`: the request itself sets the resource to active, as opposed to leaving it so.
    """

    apply: Callable[[ResourceT], ResourceT]
    activates: bool = False


def replacement(body: dict[str, Any], *, model: type[ResourceT]) -> Change[ResourceT]:
    """Read a PUT; without `active` the state stays, so no one is reactivated by omission.

    Raises:
        ValidationError, SCIMException: the body is no such resource; when it is applied also
            MutabilityException.
    """
    wanted = model.model_validate(
        body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY
    )

    def apply(current: ResourceT) -> ResourceT:
        new = wanted.model_copy(deep=True)
        with POLICY:
            new.replace(current)
        if getattr(new, "active", False) is None:
            new.active = current.active  # type: ignore[attr-defined]
        return new

    return Change(apply=apply, activates=getattr(wanted, "active", None) is True)


def patch(body: dict[str, Any], *, model: type[ResourceT]) -> Change[ResourceT]:
    """Read a PATCH; its operations are applied in order, all of them or none.

    One without operations changes nothing, as when all were on undeclared attributes.

    Raises:
        ValidationError, SCIMException: the body is no patch of such a resource; when it is applied
            also MutabilityException, NoTargetException, InvalidValueException.
    """
    if body.get("Operations") == []:
        return Change(apply=lambda current: current)
    operations = patches(model).model_validate(
        body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )

    def apply(current: ResourceT) -> ResourceT:
        new = current.model_copy(deep=True)
        operations.patch(new, scim_policy=POLICY)
        return new

    return Change(
        apply=apply,
        activates=any(
            _activates(str(each.path or ""), each.value) for each in operations.operations or []
        ),
    )


def _activates(path: str, value: Any) -> bool:
    if path:
        said = value if path.lower().rpartition(":")[2] == "active" else None
    else:
        members = value if isinstance(value, dict) else {}
        said = next((each for name, each in members.items() if name.lower() == "active"), None)
    return said is True or (isinstance(said, str) and said.lower() == "true")
