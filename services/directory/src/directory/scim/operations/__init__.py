"""Changes of people, groups and departments by an HR feed, within its guard."""

from directory.scim.operations.feeds import resolve_feed
from directory.scim.operations.groups import change_group, create_group, remove_group
from directory.scim.operations.ignored_attributes import IgnoredAttributes
from directory.scim.operations.users import change_user, create_user, remove_user
from directory.scim.operations.write_queue import WriteQueue

__all__ = [
    "IgnoredAttributes",
    "WriteQueue",
    "change_group",
    "change_user",
    "create_group",
    "create_user",
    "remove_group",
    "remove_user",
    "resolve_feed",
]
