"""One open stream: its listener, its send buffer, and its items in transit."""

from collections.abc import Iterable
from datetime import datetime

from plexus.messaging.v1.messaging_service_pb2 import SendVerdict
from plexuskit.errors import Refusal

from gateway.identity import Identity
from gateway.live import wire
from gateway.live.append_stream import AppendStream
from gateway.live.refusals import SessionMismatch, refused_verdict
from gateway.live.subscriptions import Subscriber
from gateway.live.visibility import READ, Listener


class Stream:
    """One client stream; ten thousand of them must be cheap."""

    __slots__ = (
        "beat",
        "finishing",
        "listener",
        "person",
        "routes",
        "send_buffer",
        "unanswered",
    )

    def __init__(self, *, listener: Listener, person: Subscriber) -> None:
        """Set up the stream.

        Args:
            listener: the newest token, and the send buffer.
            person: its person.
        """
        self.listener = listener
        self.person = person
        self.send_buffer = listener.send_buffer
        # The beat up to which positions were sent.
        self.beat = 0
        # Items in transit, and the route of each conversation while one of its items is.
        self.unanswered = 0
        self.routes: dict[str, Route] | None = None
        self.finishing = False

    @property
    def identity(self) -> Identity:
        """The newest token's."""
        return self.listener.identity

    def check_renewal(self, identity: Identity) -> None:
        """Check that a fresh token is of the same session.

        Raises:
            SessionMismatch: it is another session's, or another person's.
        """
        mine = self.identity
        if (identity.tenant_id, identity.person_id, identity.session_id) != (
            mine.tenant_id,
            mine.person_id,
            mine.session_id,
        ):
            raise SessionMismatch

    def positions(self, *, since_beat: int) -> Iterable[tuple[str, int]]:
        """Return the positions of the conversations that changed since a beat."""
        if READ not in self.listener.permissions:
            return ()
        refused = self.listener.refused
        return [
            (subscription.channel.id, subscription.channel.through)
            for subscription in self.person.subscriptions.values()
            if subscription.channel.beat >= since_beat
            and subscription.channel.through
            and subscription.live
            and subscription.channel.id not in refused
        ]

    def answer(self, client_ref: int, verdict: SendVerdict) -> None:
        """Acknowledge an item."""
        self.send_buffer.put(wire.acknowledgement(client_ref, verdict))

    def refuse(self, client_ref: int, refusal: Refusal) -> None:
        """Acknowledge an item that is not stored."""
        self.answer(client_ref, refused_verdict(refusal))

    def refuse_all(self, client_refs: Iterable[int], refusal: Refusal) -> None:
        """Acknowledge items that are refused for the same reason."""
        for chunk in wire.acknowledgements(client_refs, refused_verdict(refusal)):
            self.send_buffer.put(chunk)

    def sent(self, conversation_id: str, route: "Route") -> None:
        """Record that an item is in transit."""
        self.unanswered += 1
        route.items += 1
        if self.routes is None:
            self.routes = {}
        self.routes[conversation_id] = route

    def settled(self, client_ref: int, conversation_id: str, verdict: SendVerdict) -> None:
        """Receive the verdict on an item in transit."""
        self.unanswered -= 1
        if self.routes is not None:
            route = self.routes[conversation_id]
            route.items -= 1
            if not route.items:
                del self.routes[conversation_id]
        self.answer(client_ref, verdict)
        if self.finishing and not self.unanswered:
            self.send_buffer.end()

    def finish(self) -> None:
        """End when every item has its acknowledgement: the client sends no more."""
        self.finishing = True
        if not self.unanswered:
            self.send_buffer.end()

    @property
    def expires_at(self) -> datetime:
        """When the newest token ends."""
        return self.identity.expires_at


class Route:
    """Route of a conversation's items of one stream while any is in transit."""

    __slots__ = ("append_stream", "items")

    def __init__(self, append_stream: AppendStream) -> None:
        self.append_stream = append_stream
        self.items = 0
