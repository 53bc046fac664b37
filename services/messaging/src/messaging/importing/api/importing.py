"""ImportService: history from another system (MSG-19)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from plexus.messaging.v1 import import_service_pb2, import_service_pb2_grpc
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import actor
from plexuskit.turns import Turns

from messaging.conversations.events.conversations import conversation_to_proto
from messaging.conversations.operations.people import People
from messaging.importing.api.translation import (
    to_closed,
    to_foreign_conversation,
    to_foreign_message,
)
from messaging.importing.operations.conversations import import_conversations, require_importer
from messaging.importing.operations.imports import finish_import
from messaging.importing.operations.messages import (
    ImportRun,
    import_messages,
    place_imported_cursors,
)
from messaging.importing.store.stores import Store
from messaging.log.operations.logs import Log

pb = import_service_pb2

MAX_CONVERSATIONS = 200
MAX_MESSAGES = 256


class ImportApi(import_service_pb2_grpc.ImportServiceServicer):
    """Conversations first, then their messages in order of their original time."""

    def __init__(
        self,
        log: Log[Store],
        people: People,
        *,
        place_cursors: Callable[[Mapping[str, int], datetime], Awaitable[None]],
    ) -> None:
        self._log = log
        self._place_cursors = place_cursors
        self._people = people

    async def ImportConversations(
        self, request: pb.ImportConversationsRequest, context: Any
    ) -> pb.ImportConversationsResponse:
        if len(request.conversations) > MAX_CONVERSATIONS:
            raise InvalidArgument(
                field="conversations", problem=f"has more than {MAX_CONVERSATIONS}"
            )
        response = pb.ImportConversationsResponse()
        imported = await import_conversations(
            self._log,
            self._people,
            actor=actor(),
            foreign=map(to_foreign_conversation, request.conversations),
        )
        for item, (begun, state) in zip(request.conversations, imported, strict=True):
            response.created += not begun.deduplicated
            response.changed += begun.changed
            if state is not None and state.closed is None:
                message = conversation_to_proto(
                    begun.conversation, change_no=begun.change_no, seq=begun.seq
                )
            else:
                message = to_closed(item, begun, own=state is not None)
            response.conversations.append(message)
            response.closed.append(state is None or state.closed is not None)
        return response

    async def FinishImport(
        self, request: pb.FinishImportRequest, context: Any
    ) -> pb.FinishImportResponse:
        me = actor()
        require_importer(me)
        closed = await finish_import(self._log, actor=me, source=request.source)
        return pb.FinishImportResponse(closed=closed)

    async def ImportMessages(
        self, request_iterator: AsyncIterator[pb.ImportMessagesRequest], context: Any
    ) -> AsyncIterator[pb.ImportMessagesResponse]:
        me = actor()
        require_importer(me)
        run, turns = ImportRun(me), Turns()
        try:
            async for request in request_iterator:
                if len(request.messages) > MAX_MESSAGES:
                    raise InvalidArgument(field="messages", problem=f"has more than {MAX_MESSAGES}")
                messages = []
                for item in request.messages:
                    messages.append(to_foreign_message(item))
                    await turns.taken(item.ByteSize())
                outcome = await import_messages(self._log, self._people, run, messages=messages)
                yield pb.ImportMessagesResponse(
                    imported=outcome.imported,
                    skipped=outcome.skipped,
                    changed=outcome.changed,
                    kept=outcome.kept,
                    refusals=[
                        pb.ImportRefusal(
                            request_id=request_id, reason=why.reason, message=why.message()
                        )
                        for request_id, why in outcome.refusals
                    ],
                )
        finally:
            # Also if the client disconnected midway: messages imported so far must not count as
            # unread.
            await place_imported_cursors(
                self._log, run, place_cursors=self._place_cursors, now=self._log.clock.now()
            )
