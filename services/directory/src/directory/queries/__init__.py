"""Reads of the directory."""

from directory.queries.authority import readable_containers, recheck, snapshot, snapshot_facts
from directory.queries.departments import list_departments
from directory.queries.members import filter_members
from directory.queries.people import batch_get_people, get_person, list_people
from directory.queries.sessions import find_ended_sessions
from directory.queries.status import get_directory_status

__all__ = [
    "batch_get_people",
    "filter_members",
    "find_ended_sessions",
    "get_directory_status",
    "get_person",
    "list_departments",
    "list_people",
    "readable_containers",
    "recheck",
    "snapshot",
    "snapshot_facts",
]
