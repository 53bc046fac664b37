"""MessagingService: what people do to messages that were said, and what the tenant allows."""

from datetime import timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message as ProtoMessage
from plexus.messaging.v1 import messaging_service_pb2
from plexuskit.grpc import actor
from plexuskit.paging import Listing, from_milliseconds, to_milliseconds

from messaging import queries
from messaging.api import translate
from messaging.api.alone import Alone
from messaging.domain.policy import Policy, Receipts
from messaging.operations import forwarding, messages, policies
from messaging.operations.altering import ChangeRequest, IdempotencyKey
from messaging.operations.log import Log

pb = messaging_service_pb2

ResponseT = TypeVar("ResponseT", bound=ProtoMessage)

_RECEIPTS = {
    pb.MessagingPolicy.RECEIPTS_UNSPECIFIED: Receipts.NAMES,
    pb.MessagingPolicy.RECEIPTS_OFF: Receipts.OFF,
    pb.MessagingPolicy.RECEIPTS_COUNTS: Receipts.COUNTS,
    pb.MessagingPolicy.RECEIPTS_NAMES: Receipts.NAMES,
}
_RECEIPTS_NUMBERS = {
    Receipts.OFF: pb.MessagingPolicy.RECEIPTS_OFF,
    Receipts.COUNTS: pb.MessagingPolicy.RECEIPTS_COUNTS,
    Receipts.NAMES: pb.MessagingPolicy.RECEIPTS_NAMES,
}


class MessagesApi:
    """A part of MessagingApi; each method as there."""

    _log: Log
    _verifying: Alone

    async def EditMessage(
        self, request: pb.EditMessageRequest, context: Any
    ) -> pb.EditMessageResponse:
        me = actor()
        content = translate.to_content(request)
        response = await messages.edit_message(
            self._log,
            self._change_request(request, pb.EditMessageResponse),
            content=content,
            expected_version=(
                request.expected_version if request.HasField("expected_version") else None
            ),
            policy=await self._log.store.policies.get(me.tenant_id),
        )
        log_state = await self._log.state(request.conversation_id)
        response.not_in_conversation.extend(
            person for person in content.mentions if person not in log_state.members
        )
        return response

    async def ListMessageVersions(
        self, request: pb.ListMessageVersionsRequest, context: Any
    ) -> pb.ListMessageVersionsResponse:
        me = actor()
        listing = Listing(name="versions", filters=(request.conversation_id, str(request.seq)))
        position = listing.position(request.page_token, shape=(int,))
        versions, after = await queries.list_versions(
            self._log.store,
            actor=me,
            conversation_id=request.conversation_id,
            seq=request.seq,
            after=0 if position is None else int(position[0]),
            limit=translate.page_size(request.page_size, default=100, maximum=100),
        )
        return pb.ListMessageVersionsResponse(
            versions=versions, next_page_token=listing.token(after) if after else ""
        )

    async def RecallMessage(
        self, request: pb.RecallMessageRequest, context: Any
    ) -> pb.RecallMessageResponse:
        me = actor()
        return await messages.recall_message(
            self._log,
            self._change_request(request, pb.RecallMessageResponse),
            policy=await self._log.store.policies.get(me.tenant_id),
        )

    async def ReactToMessage(
        self, request: pb.ReactToMessageRequest, context: Any
    ) -> pb.ReactToMessageResponse:
        return await messages.react_to_message(
            self._log,
            self._change_request(request, pb.ReactToMessageResponse),
            emoji=request.emoji,
            remove=request.remove,
        )

    async def PinMessage(
        self, request: pb.PinMessageRequest, context: Any
    ) -> pb.PinMessageResponse:
        return await messages.pin_message(
            self._log,
            self._change_request(request, pb.PinMessageResponse),
            unpin=request.unpin,
        )

    async def ListPins(self, request: pb.ListPinsRequest, context: Any) -> pb.ListPinsResponse:
        me = actor()
        listing = Listing(name="pins", filters=(request.conversation_id,))
        position = listing.position(request.page_token, shape=(int, int))
        pinned, end = await queries.list_pins(
            self._log.store,
            actor=me,
            conversation_id=request.conversation_id,
            before=(
                None
                if position is None
                else (from_milliseconds(int(position[0])), int(position[1]))
            ),
            limit=translate.page_size(request.page_size, default=200, maximum=200),
        )
        return pb.ListPinsResponse(
            messages=pinned,
            next_page_token="" if end is None else listing.token(to_milliseconds(end[0]), end[1]),
        )

    async def LabelMessage(
        self, request: pb.LabelMessageRequest, context: Any
    ) -> pb.LabelMessageResponse:
        return await messages.label_message(
            self._log,
            self._change_request(request, pb.LabelMessageResponse),
            add=request.add,
            remove=request.remove,
        )

    async def ForwardMessages(
        self, request: pb.ForwardMessagesRequest, context: Any
    ) -> pb.ForwardMessagesResponse:
        stored = await forwarding.forward_messages(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            seqs=request.seqs,
            to_conversation_id=request.to_conversation_id,
            merged=request.merged,
            comment=request.comment,
            request_id=request.request_id,
        )
        return pb.ForwardMessagesResponse(
            stored=[translate.to_send_response(each) for each in stored]
        )

    async def VerifyConversation(
        self, request: pb.VerifyConversationRequest, context: Any
    ) -> pb.VerifyConversationResponse:
        me = actor()
        with self._verifying.of(me.person_id):
            found = await queries.verify_conversation(
                self._log.store,
                actor=me,
                conversation_id=request.conversation_id,
                first=request.from_change_no,
                last=request.to_change_no,
            )
        return pb.VerifyConversationResponse(
            previous_chain_hash=found.previous,
            links=found.links,
            through=found.through,
            has_more=found.more,
            problems=found.problems,
        )

    async def ExportConversationAnchors(
        self, request: pb.ExportConversationAnchorsRequest, context: Any
    ) -> pb.ExportConversationAnchorsResponse:
        me = actor()
        listing = Listing(name="anchors", filters=(me.tenant_id,))
        anchors, following = await queries.export_anchors(
            self._log.store,
            actor=me,
            after=listing.last_id(request.page_token),
            limit=translate.page_size(request.page_size, default=500, maximum=1_000),
        )
        return pb.ExportConversationAnchorsResponse(
            anchors=anchors, next_page_token=listing.token(following) if following else ""
        )

    async def GetMessagingPolicy(
        self, request: pb.GetMessagingPolicyRequest, context: Any
    ) -> pb.GetMessagingPolicyResponse:
        policy = await self._log.store.policies.get(actor().tenant_id)
        return pb.GetMessagingPolicyResponse(policy=_policy_to_proto(policy))

    async def UpdateMessagingPolicy(
        self, request: pb.UpdateMessagingPolicyRequest, context: Any
    ) -> pb.UpdateMessagingPolicyResponse:
        policy = await policies.update_policy(
            self._log.store, actor=actor(), policy=_policy_of(request.policy)
        )
        return pb.UpdateMessagingPolicyResponse(policy=_policy_to_proto(policy))

    def _change_request(self, request: Any, response: type[ResponseT]) -> ChangeRequest[ResponseT]:
        """Read who asks to change which message; each of these responses has the message."""
        me, now = actor(), self._log.clock.now()
        answer: Any = response
        remembered = self._log.store.requests.remembered(
            request=request,
            request_id=request.request_id,
            actor_id=me.person_id,
            response=response,
            now=now,
        )
        return ChangeRequest(
            actor=me,
            conversation_id=request.conversation_id,
            seq=request.seq,
            key=IdempotencyKey(remembered, lambda message: answer(message=message)),
            now=now,
        )


def _policy_of(policy: pb.MessagingPolicy) -> Policy:
    return Policy(
        edit_window=timedelta(seconds=policy.edit_window_seconds),
        recall_window=timedelta(seconds=policy.recall_window_seconds),
        admin_recall_window=timedelta(seconds=policy.admin_recall_window_seconds),
        receipts=_RECEIPTS[policy.receipts],
        receipt_names_limit=policy.receipt_names_limit,
        version=policy.version,
    )


def _policy_to_proto(policy: Policy) -> pb.MessagingPolicy:
    return pb.MessagingPolicy(
        edit_window_seconds=int(policy.edit_window.total_seconds()),
        recall_window_seconds=int(policy.recall_window.total_seconds()),
        admin_recall_window_seconds=int(policy.admin_recall_window.total_seconds()),
        receipts=_RECEIPTS_NUMBERS[policy.receipts],
        receipt_names_limit=policy.receipt_names_limit,
        version=policy.version,
    )
