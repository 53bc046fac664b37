"""What happened and whom it concerns, before anything is decided about them."""

from dataclasses import dataclass

from notify.domain.kinds import Kind
from notify.domain.notifications import Source
from notify.domain.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """One member of the audience: why, in what words, and whether the source may be read.

    `by_name` is who is addressed as a person and not as one of all.
    """

    person_id: str
    kind: Kind
    wording: Wording
    readable: bool = True
    by_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A fact that somebody must hear of.

    `event_id` is claimed with the effect. `step` tells apart what the same source says more than
    once. `body` is the short text under the title: as somebody wrote it, empty for an attachment,
    or a wording for each reader's language. The addressees are in the order of their ids, each
    once. `quiet`: nobody is to be disturbed (NTF-11); `urgent`
    may disturb (NTF-5). `confidential`: what leaves the platform carries no content (NTF-9).
    """

    event_id: str
    tenant_id: str
    source: Source
    step: str
    body: str | Wording
    addressees: tuple[Addressee, ...]
    quiet: bool = False
    confidential: bool = False
    urgent: bool = False
