"""Conversations with missing events: the owner is queried about each of them separately.

A gap, an unreadable record or a fact without its content concerns one conversation. Its members
here receive nothing of it until its owner has returned the current members; no other conversation
or member is queried. Changes of membership that arrive meanwhile are applied to the answer by their
numbers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import grpc
import structlog
from plexuskit.backoff import pause
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.metrics import counter

from gateway.live.subscribers import SubscriberRegistry
from gateway.live.subscriptions import Channel, Question, Ranges, Step

log = structlog.get_logger()

DOUBTS: Final = counter(
    "plexus_gateway_doubts_total", "Questions to messaging about the members of one conversation"
)
ASKED_AT_ONCE: Final = 32
EVERY: Final = 1.0
"""Seconds between two questions about the same conversation."""
MAX_REMEMBERED: Final = 10_000
_BACK_OFF: Final = (0.2, 5.0)


class Memberships(Protocol):
    """Members of conversations, as used by permission checks."""

    def missed(self) -> None:
        """Record that changes of any conversation may have been missed."""

    def lost(self) -> None:
        """Record that changes no longer arrive."""

    def gap(self, tenant_id: str, conversation_id: str) -> None:
        """Record that a change of a conversation was missed; an empty tenant means unknown."""

    def restored(
        self, tenant_id: str, conversation_id: str, *, version: int, people: Sequence[str]
    ) -> None:
        """Apply the owner's answer about a conversation of which a change was missed."""

    def step(
        self,
        tenant_id: str,
        conversation_id: str,
        *,
        version: int,
        joined: Sequence[str],
        left: Sequence[str],
        begins: bool,
    ) -> None:
        """Apply a change of a conversation's members."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An owner's answer about one conversation.

    Attributes:
        version: the members contain every change up to it, and maybe later ones; 0: there is no
            such conversation.
        everything: true if members also see messages from before they joined.
        pair: the two people of a direct conversation, else empty.
        members: visible ranges of each member.
    """

    tenant_id: str
    version: int
    everything: bool
    pair: tuple[str, ...]
    members: dict[str, Ranges]


AskMembers = Callable[[str], Awaitable[Answer]]
"""Asks messaging about a conversation. Raises DependencyDown, RemoteFailure."""


class AnswerTooOld(Exception):  # noqa: N818 - named after the fact that prevents
    """An owner's answer lacks a change that was applied here before the question."""


class Doubts:
    """Asks about conversations in doubt: one question of each at a time, at a bounded rate."""

    def __init__(
        self,
        subscribers: SubscriberRegistry,
        *,
        ask: AskMembers,
        memberships: Memberships,
        every: float = EVERY,
    ) -> None:
        """Set up the queries.

        Args:
            subscribers: people with streams here.
            ask: queries messaging.
            memberships: receive the answers too.
            every: seconds between two queries about one conversation.
        """
        self._subscribers = subscribers
        self._ask = ask
        self._memberships = memberships
        self._every = every
        self._open: dict[str, Channel] = {}
        # When conversations were asked about last, the oldest first.
        self._asked: dict[str, float] = {}
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    def note(self, channel: Channel, *, tenant_id: str, version: int, reason: str) -> None:
        """Stop delivery of a conversation until its owner has returned its members.

        Args:
            channel: the conversation.
            tenant_id: its tenant; empty if unknown.
            version: version of the membership in the last fact; 0 if unknown.
            reason: sent to its members when they have to fetch again.
        """
        for subscription in channel.subscriptions.values():
            subscription.live = False
        self._memberships.gap(tenant_id, channel.id)
        question = channel.question
        if question is None:
            question = channel.question = Question(reason, version)
            self._open[channel.id] = channel
            question.task = asyncio.create_task(self._resolve(channel, question))
        else:
            question.again, question.reason = True, reason
            question.least = max(question.least, version)

    def step(self, channel: Channel, step: Step) -> None:
        """Record an applied change of membership, for an answer that may be older."""
        if channel.question is not None:
            channel.question.steps.append(step)

    def begin(self) -> None:
        """Record that facts of any conversation were missed: answers in transit are too old."""
        for channel in self._open.values():
            if channel.question is not None:
                channel.question.again = True

    def close(self) -> None:
        """Stop asking."""
        for channel in self._open.values():
            if channel.question is not None and channel.question.task is not None:
                channel.question.task.cancel()

    async def _resolve(self, channel: Channel, question: Question) -> None:
        failures = 0
        while True:
            await asyncio.sleep(self._wait(channel.id))
            question.again = False
            question.steps.clear()
            least = question.least
            try:
                answer = await self._answer(channel.id, least=least)
            except Exception as error:
                if _is_unknown_method(error):
                    break
                log.warning("live.doubt_stays", conversation_id=channel.id, error=str(error))
                if not isinstance(error, Refusal | RemoteFailure | AnswerTooOld):
                    log.warning("live.question_failed", exc_info=error)
                await asyncio.sleep(pause(failures, _BACK_OFF))
                failures += 1
                continue
            if question.again:
                continue
            self._close(channel)
            self._settle(channel, answer, question)
            return
        self._close(channel)
        # A messaging of an older release is queried about each person, and for a snapshot.
        self._subscribers.reload_all(channel, reason=question.reason)
        self._memberships.missed()

    async def _answer(self, conversation_id: str, *, least: int) -> Answer:
        """Ask the owner once.

        Raises:
            AnswerTooOld: it lacks the change that made version `least` of the membership.
        """
        async with self._asking:
            self._remember(conversation_id)
            answer = await self._ask(conversation_id)
        if 0 < answer.version < least:
            raise AnswerTooOld(f"version {answer.version}, and {least} was applied here")
        return answer

    def _close(self, channel: Channel) -> None:
        channel.question = None
        del self._open[channel.id]

    def _settle(self, channel: Channel, answer: Answer, question: Question) -> None:
        """Update the conversation from the answer; runs without interruption."""
        later = [step for step in question.steps if step.version > answer.version]
        members = dict(answer.members)
        for step in later:
            members |= dict(step.joined)
            for person_id in step.left:
                members.pop(person_id, None)
        if answer.version:
            channel.learn_history(everything=answer.everything)
        if len(answer.pair) == 2:  # noqa: PLR2004 - a pair
            self._subscribers.paired(answer.pair[0], answer.pair[1])
        version = max([answer.version, *(step.version for step in later)])
        self._subscribers.settle(channel, members, version=version, reason=question.reason)
        tenant_id = answer.tenant_id
        if not tenant_id:
            return
        self._memberships.restored(
            tenant_id, channel.id, version=answer.version, people=list(answer.members)
        )
        for step in later:
            self._memberships.step(
                step.tenant_id,
                channel.id,
                version=step.version,
                joined=[person_id for person_id, _ in step.joined],
                left=step.left,
                begins=step.begins,
            )

    def _wait(self, conversation_id: str) -> float:
        """Return the seconds until a conversation may be asked about."""
        asked = self._asked.get(conversation_id)
        if asked is None:
            return 0.0
        return max(0.0, asked + self._every - asyncio.get_running_loop().time())

    def _remember(self, conversation_id: str) -> None:
        DOUBTS.inc()
        self._asked.pop(conversation_id, None)
        self._asked[conversation_id] = asyncio.get_running_loop().time()
        while len(self._asked) > MAX_REMEMBERED:
            del self._asked[next(iter(self._asked))]


def _is_unknown_method(error: Exception) -> bool:
    return isinstance(error, RemoteFailure) and error.refusal.code is grpc.StatusCode.UNIMPLEMENTED
