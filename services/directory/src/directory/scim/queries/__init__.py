"""Reads of the feed."""

from directory.scim.queries.feeds import get_feed_status
from directory.scim.queries.groups import get_feed_group, groups_of, list_feed_groups
from directory.scim.queries.users import get_user, list_users

__all__ = [
    "get_feed_group",
    "get_feed_status",
    "get_user",
    "groups_of",
    "list_feed_groups",
    "list_users",
]
