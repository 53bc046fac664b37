"""Modules: parts of the product that a company switches off, or tries in some departments first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from plexus_access.modules import NAMES
from plexuskit.errors import InvalidArgument

from directory.access.domain.refusals import ModuleUnknown
from directory.shared.domain.ids import DepartmentId, TenantId

MAX_EXCEPTIONS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """Switch of a product module, and the departments for which it is the opposite."""

    tenant_id: TenantId
    name: str
    enabled: bool
    except_department_ids: tuple[DepartmentId, ...]
    version: int

    @property
    def key(self) -> str:
        """The one key of the module among those of every tenant."""
        return f"{self.tenant_id}:{self.name}"

    def is_on(self, departments: Iterable[str]) -> bool:
        """Return whether it is on for a person; in: ids of their departments and of all above."""
        excepted = not frozenset(self.except_department_ids).isdisjoint(departments)
        return self.enabled != excepted


def unswitched(name: str, *, tenant_id: TenantId) -> Module:
    """Return a module that was never switched: it is on, at version 0.

    Raises:
        ModuleUnknown: there is no module of that name.
    """
    if name not in NAMES:
        raise ModuleUnknown(name=name, modules=", ".join(NAMES))
    return Module(tenant_id=tenant_id, name=name, enabled=True, except_department_ids=(), version=0)


def switch(module: Module, *, enabled: bool, except_department_ids: Iterable[str]) -> Module:
    """Switch a module. Out: the same object when nothing differs, else the next version.

    Raises:
        InvalidArgument: there are more than 1,000 exceptions.
    """
    exceptions = tuple(DepartmentId(id_) for id_ in sorted(set(except_department_ids)))
    if len(exceptions) > MAX_EXCEPTIONS:
        raise InvalidArgument(
            field="except_department_ids", problem=f"holds more than {MAX_EXCEPTIONS}"
        )
    switched = replace(module, enabled=enabled, except_department_ids=exceptions)
    return module if switched == module else replace(switched, version=module.version + 1)
