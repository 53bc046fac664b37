"""Reads of the directory."""

from directory.access.queries.access_policies import list_access_policies
from directory.access.queries.modules import list_modules
from directory.access.queries.roles import list_role_bindings, list_roles
from directory.accounts.queries.sessions import find_ended_sessions
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
from directory.scim.queries.feeds import get_feed_status
from directory.scim.queries.groups import get_feed_group, groups_of, list_feed_groups
from directory.scim.queries.users import get_user, list_users
from directory.sign_in.queries.second_factors import list_second_factors
from directory.sign_in.queries.sessions import list_sessions
from directory.sign_in.queries.sign_in_policies import get_sign_in_policy, list_sign_in_options

__all__ = [
    "batch_get_people",
    "filter_members",
    "find_ended_sessions",
    "get_directory_status",
    "get_feed_group",
    "get_feed_status",
    "get_person",
    "get_sign_in_policy",
    "get_user",
    "groups_of",
    "list_access_policies",
    "list_departments",
    "list_feed_groups",
    "list_group_members",
    "list_groups",
    "list_modules",
    "list_people",
    "list_role_bindings",
    "list_roles",
    "list_second_factors",
    "list_sessions",
    "list_sign_in_options",
    "list_users",
    "readable_containers",
    "recheck",
    "snapshot",
    "snapshot_facts",
]
