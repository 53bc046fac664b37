"""Writes of people, one per RPC: load, decide, write state and fact together."""

from directory.people.operations.absences import set_absence
from directory.people.operations.departments import (
    create_department,
    merge_department,
    move_department,
    split_department,
    update_department,
)
from directory.people.operations.groups import (
    GroupDraft,
    change_group_members,
    create_group,
    delete_group,
    update_group,
)
from directory.people.operations.people import (
    create_person,
    deactivate_person,
    expire_guests,
    import_people,
    reactivate_person,
    update_person,
)
from directory.people.operations.profiles import update_profile
from directory.people.operations.tenants import init_tenant

__all__ = [
    "GroupDraft",
    "change_group_members",
    "create_department",
    "create_group",
    "create_person",
    "deactivate_person",
    "delete_group",
    "expire_guests",
    "import_people",
    "init_tenant",
    "merge_department",
    "move_department",
    "reactivate_person",
    "set_absence",
    "split_department",
    "update_department",
    "update_group",
    "update_person",
    "update_profile",
]
