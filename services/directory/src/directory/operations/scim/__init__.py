"""What an HR feed changes: people, groups and departments as it says, within its guard."""

from directory.operations.scim.feed import resolve_feed
from directory.operations.scim.groups import change_group, create_group, remove_group
from directory.operations.scim.ignoring import IgnoredAttributes
from directory.operations.scim.removing import remove_user
from directory.operations.scim.users import change_user, create_user
from directory.operations.scim.write_queue import WriteQueue

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
