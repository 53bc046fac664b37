"""plexus.notify.v1.NotifyService."""

from typing import Any

from plexus.notify.v1 import notifications_pb2 as shapes
from plexus.notify.v1 import notify_service_pb2 as pb
from plexus.notify.v1.notify_service_pb2_grpc import NotifyServiceServicer
from plexus_access.decisions import Decisions, asker_of
from plexuskit.clock import Clock
from plexuskit.grpc import actor, caller

from notify.api.translation import channels_of, quiet_hours_of
from notify.domain.people import locale_of
from notify.domain.preferences import Preferences
from notify.events import notification_message, preferences_message
from notify.operations.notifications import mark_notifications_read
from notify.operations.permits import shown
from notify.operations.preferences import set_preferences
from notify.queries.notifications import list_notifications
from notify.queries.preferences import get_preferences
from notify.queries.status import DeadLetters, get_notify_status
from notify.store import Store


class NotifyApi(NotifyServiceServicer):
    """One's own notifications and preferences, for signed-in people."""

    def __init__(
        self, store: Store, *, decisions: Decisions, dead_letters: DeadLetters, clock: Clock
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._dead_letters = dead_letters
        self._clock = clock

    async def ListNotifications(self, request: pb.ListNotificationsRequest, _: Any) -> Any:
        asker = asker_of(caller())
        locale = locale_of((await self._store.people.find([asker.person_id])).get(asker.person_id))
        inbox = await list_notifications(
            self._store,
            person_id=actor().person_id,
            unread_only=request.unread_only,
            page_size=request.page_size,
            page_token=request.page_token,
            shown=lambda each: shown(self._decisions, asker, each, locale=locale),
        )
        return pb.ListNotificationsResponse(
            notifications=[notification_message(each) for each in inbox.notifications],
            next_page_token=inbox.next_page_token,
            unread=inbox.unread,
        )

    async def MarkNotificationsRead(self, request: pb.MarkNotificationsReadRequest, _: Any) -> Any:
        marked = await mark_notifications_read(
            self._store,
            person_id=actor().person_id,
            notification_ids=request.notification_ids,
            now=self._clock.now(),
        )
        return pb.MarkNotificationsReadResponse(marked=marked)

    async def GetPreferences(self, request: pb.GetPreferencesRequest, _: Any) -> Any:
        found = await get_preferences(self._store, person_id=actor().person_id)
        return pb.GetPreferencesResponse(preferences=self._message(found))

    async def SetPreferences(self, request: pb.SetPreferencesRequest, _: Any) -> Any:
        person = actor()
        stored = await set_preferences(
            self._store,
            tenant_id=person.tenant_id,
            person_id=person.person_id,
            channels=channels_of(request.preferences.kinds, kinds=self._store.kinds),
            hours=quiet_hours_of(request.preferences.quiet_hours),
            expected_version=request.expected_version,
        )
        return pb.SetPreferencesResponse(preferences=self._message(stored))

    async def GetNotifyStatus(self, request: pb.GetNotifyStatusRequest, _: Any) -> Any:
        figures = await get_notify_status(
            self._store, tenant_id=actor().tenant_id, dead_letters=self._dead_letters
        )
        return pb.GetNotifyStatusResponse(
            notifications=figures.notifications,
            deliveries=figures.deliveries,
            dead_letters=figures.dead_letters,
        )

    def _message(self, preferences: Preferences) -> shapes.Preferences:
        return preferences_message(preferences, kinds=self._store.kinds)
