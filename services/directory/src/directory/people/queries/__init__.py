"""Reads of people."""

from directory.people.queries.authority import (
    readable_containers,
    recheck,
    snapshot,
    snapshot_facts,
)
from directory.people.queries.departments import list_departments
from directory.people.queries.groups import list_group_members, list_groups
from directory.people.queries.members import filter_members
from directory.people.queries.people import batch_get_people, get_person, list_people
from directory.people.queries.status import get_directory_status

__all__ = [
    "batch_get_people",
    "filter_members",
    "get_directory_status",
    "get_person",
    "list_departments",
    "list_group_members",
    "list_groups",
    "list_people",
    "readable_containers",
    "recheck",
    "snapshot",
    "snapshot_facts",
]
