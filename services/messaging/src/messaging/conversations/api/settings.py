"""PersonalService: a member's settings of conversations."""

from typing import Any

from plexus.messaging.v1 import personal_service_pb2
from plexuskit.clock import Clock
from plexuskit.grpc import actor

from messaging.contract.api import from_timestamp
from messaging.conversations.domain.settings import SettingsChange
from messaging.conversations.events.settings import settings_to_proto
from messaging.conversations.operations.settings import update_conversation_settings
from messaging.conversations.store.stores import Store

pb = personal_service_pb2


class SettingsApi:
    """A part of PersonalService; each method reads, calls one operation, and answers."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def UpdateConversationSettings(
        self, request: pb.UpdateConversationSettingsRequest, context: Any
    ) -> pb.UpdateConversationSettingsResponse:
        arranged = await update_conversation_settings(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            change=to_settings_change(request),
            now=self._clock.now(),
        )
        return pb.UpdateConversationSettingsResponse(settings=settings_to_proto(arranged))


def to_settings_change(request: pb.UpdateConversationSettingsRequest) -> SettingsChange:
    """Read the changed settings; unset fields leave the current ones unchanged.

    Raises:
        InvalidArgument: no plausible time.
    """
    return SettingsChange(
        folder=request.folder if request.HasField("folder") else None,
        muted_until=(
            from_timestamp(request.muted_until, field="muted_until")
            if request.HasField("muted_until")
            else None
        ),
        marked_unread=request.marked_unread if request.HasField("marked_unread") else None,
        starred=request.starred if request.HasField("starred") else None,
    )
