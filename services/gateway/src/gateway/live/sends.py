"""Items sent by clients: refusals of the gateway itself, and routing of the others.

Only the owner decides if a person may write in a conversation; here are the checks on data that the
gateway has: known access, the limits, and that an item is well-formed.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from google.protobuf.message import DecodeError
from plexus.gateway.v1.session_service_pb2 import SendItem
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus_access.clearing import clearing_of
from plexus_access.objects import CONVERSATION, Object
from plexuskit import bounds, fault
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import requirements
from plexuskit.items import item_failed
from plexuskit.metrics import counter
from plexuskit.turns import Turns

from gateway.access import Access, DecisionLog
from gateway.identity import Callers, Identity
from gateway.limits import Limits, RateLimited
from gateway.live.refusals import (
    ItemTooLarge,
    OwnerUnreachable,
    TooManyUnacknowledged,
)
from gateway.live.router import MESSAGING, Router
from gateway.live.stream import Route, Stream

SENDS = counter("plexus_gateway_sends_total", "Items that streams brought")

_METHOD: Final = requirements()["/plexus.messaging.v1.MessagingService/SendMessage"]
PERMISSION: Final = _METHOD.requirement.permission
_RETRY: Final = timedelta(milliseconds=500)
# Checking items takes some 20 microseconds each and a millisecond for each 64 KiB: others run then.
_ITEM_BYTES: Final = 512
_TURN_BYTES: Final = 64 * 1024
# Maximum number of refused items per second, and for how long at most a stream is not read: a
# client renews its token on the same stream.
_REFUSED_PER_SECOND: Final = 2_000
_MAX_PAUSE_SECONDS: Final = 2.0


class Sends:
    """Takes the items of all streams."""

    def __init__(
        self,
        router: Router,
        callers: Callers,
        *,
        access: Access,
        decision_log: DecisionLog,
        limits: Limits,
        max_waiting: int,
        max_bytes: int,
    ) -> None:
        """Set up the checks and routes.

        Args:
            router: knows the processes of messaging.
            callers: signs caller contexts.
            access: authorises on local data.
            decision_log: records refusals (GW-7).
            limits: bound the items of a person.
            max_waiting: unacknowledged items of one stream.
            max_bytes: maximum size of one command.
        """
        self._router = router
        self._callers = callers
        self._access = access
        self._decision_log = decision_log
        self._limits = limits
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes

    async def accept(self, stream: Stream, items: Sequence[SendItem]) -> float:
        """Send items; each is acknowledged once, in any order.

        Other streams run in between. Items after one that its rate refuses are refused with it.

        Returns:
            the seconds for which the stream must not be read (MSG-18).

        Raises:
            RateLimited: too much of the client's input is refused; its items have no
                acknowledgement.
        """
        SENDS.inc(len(items))
        identity = self._access.current(stream.identity)
        limited = self._limits.items(identity, len(items))
        taken = limited.index(refusal) if (refusal := limited[-1]) else len(items)
        too_much = await self._take(stream, items[:taken], identity)
        pause = 0.0
        if refusal is not None:
            stream.refuse_all((item.client_ref for item in items[taken:]), refusal)
        if refused := len(items) - taken + len(too_much):
            self._limits.waste(identity, refused)
            pause = max(_pause(each, refused=refused) for each in (refusal, *too_much) if each)
        fault.point("gateway.after_route")
        return pause

    async def _take(
        self, stream: Stream, items: Sequence[SendItem], identity: Identity
    ) -> list[Refusal]:
        """Submit items; return the refusals of those that address too many people."""
        signed = self._callers.signed(identity, audience=MESSAGING)
        turns = Turns(turn_bytes=_TURN_BYTES)
        too_much: list[Refusal] = []
        for item in items:
            try:
                command = self._check(stream, item)
                self._charge(identity, command, too_much)
                self._authorise(identity, command)
                self._submit(stream, item, signed)
            except Refusal as refusal:
                stream.refuse(item.client_ref, refusal)
            except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
                stream.refuse(item.client_ref, item_failed(error, of="gateway.sends"))
            await turns.taken(_ITEM_BYTES + len(item.command))
        return too_much

    def _charge(
        self, identity: Identity, command: SendMessageRequest, too_much: list[Refusal]
    ) -> None:
        """Take what a message costs that addresses many people; note the refusal (GW-13)."""
        try:
            members = partial(self._access.members_of, identity)
            self._limits.address(command, identity, members=members)
        except RateLimited as refusal:
            too_much.append(refusal)
            raise

    def _authorise(self, identity: Identity, command: SendMessageRequest) -> None:
        """Refuse what the gateway can decide; the owner decides uncertain cases.

        Uncertain cases are limited: a sender who keeps writing outside their conversations waits
        (GW-2).
        """
        object_ = Object(CONVERSATION, command.conversation_id)
        with self._decision_log.refusals(_METHOD, identity, object_):
            verdict = self._access.decide(identity, PERMISSION, object_)
            if verdict.confirm:
                self._access.mark_stale(identity, object_)
            if masks := self._access.masks(identity, PERMISSION, object_):
                clearing_of(masks).check(command)

    def _check(self, stream: Stream, item: SendItem) -> SendMessageRequest:
        if stream.unanswered >= self._max_waiting:
            raise TooManyUnacknowledged(limit=self._max_waiting, retry_after=_RETRY)
        if len(item.command) > self._max_bytes:
            raise ItemTooLarge(bytes=len(item.command), limit=self._max_bytes)
        bounds.check(item)
        return _command_of(item)

    def _submit(self, stream: Stream, item: SendItem, signed: bytes) -> None:
        conversation_id = item.conversation_id
        route = stream.routes.get(conversation_id) if stream.routes else None
        if route is None:
            append_stream = self._router.pick(conversation_id)
            if append_stream is None:
                raise OwnerUnreachable(retry_after=_RETRY)
            route = Route(append_stream)
        route.append_stream.submit(
            stream,
            client_ref=item.client_ref,
            conversation_id=conversation_id,
            command=item.command,
            signed_caller=signed,
        )
        stream.sent(conversation_id, route)


def _pause(refusal: Refusal, *, refused: int) -> float:
    """Return the seconds without reading after refused items: each has a cost too."""
    retry = refusal.retry_after or timedelta()
    return min(max(retry.total_seconds(), refused / _REFUSED_PER_SECOND), _MAX_PAUSE_SECONDS)


def _command_of(item: SendItem) -> SendMessageRequest:
    """Return the command of an item.

    Raises InvalidArgument for one of another conversation, and for an undecodable command.
    """
    try:
        command = SendMessageRequest.FromString(item.command)
    except DecodeError:
        raise InvalidArgument(field="command", problem="is no SendMessageRequest") from None
    if not item.conversation_id or command.conversation_id != item.conversation_id:
        raise InvalidArgument(field="conversation_id", problem="is not the command's")
    return command
