"""Peers of notify in its tests: directory's and the owners' answers, and a mail server."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from notify.domain.notifications import Notification

from .facts_support import TENANT


@dataclass
class Membership:
    """Directory's answers on departments: all people of one and of those below it, by its id."""

    members: dict[str, set[str]] = field(default_factory=dict)
    down: Exception | None = None

    async def in_departments(
        self, department_ids: Collection[str], *, among: Collection[str], tenant_id: str
    ) -> frozenset[str]:
        assert tenant_id == TENANT
        if self.down is not None:
            raise self.down
        belonging = {
            f"per_{name}" for each in department_ids for name in self.members.get(each, ())
        }
        return frozenset(belonging.intersection(among))


@dataclass
class Sink:
    """Real SMTP server that keeps accepted mails; `reply` is its response to the next ones."""

    port: int
    replies: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    after: Callable[[], None] | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        reply = self.replies.pop(0) if self.replies else "250 taken"
        if reply.startswith("250"):
            parsed = message_from_bytes(envelope.original_content, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append(parsed)
        if self.after is not None:
            self.after()
        return reply

    @property
    def recipients(self) -> list[str]:
        return sorted(str(mail["To"].addresses[0].addr_spec) for mail in self.mails)


@dataclass
class Owners:
    """Owners' answers to a recheck; ids in `hidden` may not be read."""

    hidden: set[str] = field(default_factory=set)
    down: Exception | None = None
    failing: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def readable(self, notifications: Sequence[Notification]) -> frozenset[str]:
        self.asked += [each.source.id for each in notifications]
        if self.down is not None:
            raise self.down
        for each in notifications:
            if each.person_id in self.failing:
                raise self.failing[each.person_id]
        return frozenset(each.id for each in notifications if each.source.id not in self.hidden)
