"""Role bindings: a subject holds a role for a scope and everything in it (GW-3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from plexus_access.objects import SCOPES, TENANT, Object, Subject, object_of, subject_of
from plexuskit.errors import InvalidArgument

from directory.shared.domain.ids import BindingId, PersonId, RoleId, TenantId

MAX_ID: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Role held by a subject for a scope until an instant; None for no expiry."""

    id: BindingId
    tenant_id: TenantId
    role_id: RoleId
    subject: Subject
    scope: Object
    expires_at: datetime | None
    created_at: datetime
    created_by: PersonId
    version: int
    removed: bool = False

    def binds(self, now: datetime) -> bool:
        """Return whether it grants anything at that instant."""
        return not self.removed and (self.expires_at is None or now < self.expires_at)


def bind(
    *,
    binding_id: BindingId,
    tenant_id: TenantId,
    role_id: RoleId,
    subject: Subject,
    scope: Object,
    expires_at: datetime | None,
    created_by: PersonId,
    now: datetime,
) -> Binding:
    """Make a binding at version 1."""
    return Binding(
        id=binding_id,
        tenant_id=tenant_id,
        role_id=role_id,
        subject=subject,
        scope=scope,
        expires_at=expires_at,
        created_at=now,
        created_by=created_by,
        version=1,
    )


def bind_again(binding: Binding, *, expires_at: datetime | None) -> Binding:
    """Set the expiry of a binding; out: the same object when it does not differ."""
    if binding.expires_at == expires_at:
        return binding
    return replace(binding, expires_at=expires_at, version=binding.version + 1)


def unbind(binding: Binding) -> Binding:
    """Remove a binding; it grants nothing any more."""
    return replace(binding, removed=True, version=binding.version + 1)


def check_subject(value: str) -> Subject:
    """Parse the subject of a role: `person:<id>`, `group:<id>#member` or `department:<id>#member`.

    Raises:
        InvalidArgument: it is none of these.
    """
    try:
        subject = subject_of(value[: MAX_ID + 1])
    except ValueError:
        raise InvalidArgument(
            field="subject",
            problem="is none of person:<id>, group:<id>#member and department:<id>#member",
        ) from None
    _check_length(value, field="subject")
    return subject


def is_self_chosen(*, skills: Sequence[str], locales: Sequence[str]) -> bool:
    """Return whether people can join a group by its rule through their own profile.

    Such a group can hold no role: its members could grant it to themselves.
    """
    return bool(skills or locales)


def check_scope(value: str, *, tenant_id: TenantId) -> Object:
    """Parse the scope of a role, `<kind>:<id>`; empty stands for the tenant.

    Raises:
        InvalidArgument: it is no scope.
    """
    if not value:
        return Object(TENANT, tenant_id)
    try:
        scope = object_of(value[: MAX_ID + 1])
    except ValueError:
        scope = None
    if scope is None or scope.kind not in SCOPES:
        raise InvalidArgument(
            field="scope", problem="is no tenant, department, group, conversation or project"
        )
    _check_length(value, field="scope")
    return scope


def check_expiry(value: datetime | None, *, now: datetime) -> datetime | None:
    """Check when a binding ends; None for never.

    Raises:
        InvalidArgument: that is over already.
    """
    if value is not None and value <= now:
        raise InvalidArgument(field="expires_at", problem="is not in the future")
    return value


def _check_length(value: str, *, field: str) -> None:
    if len(value) > MAX_ID:
        raise InvalidArgument(field=field, problem=f"is longer than {MAX_ID} characters")
