"""States of a person."""

import enum


class State(enum.Enum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
