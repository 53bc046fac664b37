"""What an operator has chosen about the feed."""

from dataclasses import dataclass

from directory.scim.domain.guard import Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRules:
    """How departments are read, what a returning userName means, and how much may go in a day."""

    department_template: str
    department_separator: str
    reactivates: bool
    bounds: Bounds
