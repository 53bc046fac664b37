"""Messages: send, reply, edit, recall, react, read."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

from plexus.messaging.v1 import messages_pb2
from plexus.messaging.v1.messages_pb2 import Cursor, Mention, Message
from plexus.messaging.v1.messaging_service_pb2 import (
    AdvanceCursorsRequest,
    CursorAdvance,
    EditMessageRequest,
    ListMessagesRequest,
    ReactToMessageRequest,
    RecallMessageRequest,
    SendMessageRequest,
    SendMessageResponse,
)

from plexus_sdk.connection import Plexus, new_request_id
from plexus_sdk.conversations import Conversations
from plexus_sdk.errors import Refused
from plexus_sdk.mentions import Mentions, TypedMentions, joined
from plexus_sdk.people import People


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message.

    Attributes:
        deduplicated: whether this request id was already stored with the same content.
        not_in_conversation: mentioned people who are not members and are not notified.
        unknown_mentions: the `@words` of the text that name no one; only with `typed_mentions`.
    """

    conversation_id: str
    message_id: str
    seq: int
    request_id: str
    deduplicated: bool
    not_in_conversation: tuple[str, ...]
    unknown_mentions: tuple[str, ...] = ()


class Messages:
    """Messages of the caller's conversations, each given by name or id."""

    def __init__(
        self,
        plexus: Plexus,
        *,
        conversations: Conversations,
        people: People,
        post: Callable[[SendMessageRequest], Awaitable[SendMessageResponse]] | None = None,
    ) -> None:
        """Create the helper.

        Args:
            plexus: the connection.
            conversations: resolves names.
            people: resolves names of mentions.
            post: stores a message; default: a call of SendMessage.
        """
        self._plexus = plexus
        self._conversations = conversations
        self._mentions = Mentions(plexus, people=people)
        self._post = post or self._call

    async def send(
        self,
        to: str,
        text: str,
        *,
        mentions: Iterable[str] = (),
        typed_mentions: bool = False,
        reply_to_seq: int = 0,
        quote_seq: int = 0,
        markdown: bool = False,
        silent: bool = False,
        request_id: str = "",
    ) -> Sent:
        """Send a message.

        Args:
            to: conversation by id, group name, `@handle` or handle; see `Conversations.resolve`.
            text: at most 150 KB of UTF-8.
            mentions: people by handle, id or name, departments by name or id, or `all`.
            typed_mentions: whether `@names` in the text are mentions, as those that people type.
            reply_to_seq: `seq` of the message to reply to, in its thread.
            quote_seq: `seq` of a message of the conversation to quote.
            markdown: whether `text` has marks for bold, italic, code, quotes and links.
            silent: whether no notification is sent.
            request_id: the caller's id of the message, 1 to 128 characters, never reused in the
                conversation; generated if empty. A repeat with the same content returns the
                original message (MSG-3).

        Raises:
            NameNotFound: no conversation or person has this name.
            NameAmbiguous: several have it.
            Refused: `TEXT_TOO_LONG`, `REQUEST_ID_REUSED`, `CONVERSATION_ARCHIVED`,
                `MENTION_ALL_DENIED` and others of messaging.
        """
        conversation_id = await self._conversations.resolve(to)
        typed = TypedMentions()
        if typed_mentions:
            typed = await self._mentions.typed(
                text, conversation_id=conversation_id, markdown=markdown
            )
        named = await self._mentions.named(mentions, conversation_id=conversation_id)
        request = SendMessageRequest(
            conversation_id=conversation_id,
            request_id=request_id or new_request_id(),
            text=text,
            mentions=joined(named, typed.mentions),
            spans=typed.spans,
            reply_to_seq=reply_to_seq,
            quote_seq=quote_seq,
            format=messages_pb2.FORMAT_MARKDOWN if markdown else messages_pb2.FORMAT_PLAIN,
            notify=messages_pb2.NOTIFY_NONE if silent else messages_pb2.NOTIFY_UNSPECIFIED,
        )
        stored = await self._post(request)
        return Sent(
            conversation_id,
            stored.message_id,
            stored.seq,
            request.request_id,
            stored.deduplicated,
            tuple(stored.not_in_conversation),
            typed.unknown,
        )

    async def reply(
        self,
        message: Message,
        text: str,
        *,
        part: str = "",
        mentions: Iterable[str] = (),
        markdown: bool = False,
    ) -> Sent:
        """Reply to a message in its thread, exactly once: an identical repeat stores no message.

        The request id is derived from the message, so that a bot that restarts between the reply
        and the next event does not reply twice.

        Args:
            message: the message to reply to.
            text: see `send`.
            part: distinguishes several replies to one message.
            mentions: see `send`.
            markdown: see `send`.

        Raises:
            Refused: `REQUEST_ID_REUSED` if this part was sent with another text; others as of
                `send`.
        """
        return await self.send(
            message.conversation_id,
            text,
            mentions=mentions,
            reply_to_seq=message.seq,
            markdown=markdown,
            request_id=f"reply:{message.id}:{part}" if part else f"reply:{message.id}",
        )

    async def mentions(self, names: Iterable[str]) -> list[Mention]:
        """Return mentions of people and departments by name or id, and of `all`.

        Raises:
            NameNotFound: a name is neither a person's nor a department's.
            NameAmbiguous: several have it.
        """
        return await self._mentions.named(names)

    async def edit(
        self,
        message: Message,
        text: str,
        *,
        mentions: Iterable[str] = (),
        typed_mentions: bool = False,
        markdown: bool = False,
    ) -> Message:
        """Replace the text and the mentions of one's own message; return its new state (MSG-11).

        Args:
            message: as it was read.
            text: see `send`.
            mentions: see `send`; those that the edit adds notify.
            typed_mentions: see `send`.
            markdown: see `send`.

        Raises:
            Refused: `EDIT_WINDOW_CLOSED`, `NOT_YOUR_MESSAGE`, `VERSION_CONFLICT` if it was edited
                since `message` was read, and others of messaging.
        """
        conversation_id = message.conversation_id
        typed = TypedMentions()
        if typed_mentions:
            typed = await self._mentions.typed(
                text, conversation_id=conversation_id, markdown=markdown
            )
        named = await self._mentions.named(mentions, conversation_id=conversation_id)
        request = EditMessageRequest(
            request_id=new_request_id(),
            conversation_id=conversation_id,
            seq=message.seq,
            text=text,
            mentions=joined(named, typed.mentions),
            spans=typed.spans,
            format=messages_pb2.FORMAT_MARKDOWN if markdown else messages_pb2.FORMAT_PLAIN,
            expected_version=message.version,
        )
        return (await self._plexus.call(self._plexus.messaging.EditMessage, request)).message

    async def recall(self, conversation: str, seq: int) -> Message:
        """Recall a message; return its tombstone (MSG-12).

        Raises:
            Refused: `RECALL_WINDOW_CLOSED`, `NOT_YOUR_MESSAGE` and others of messaging.
        """
        request = RecallMessageRequest(
            request_id=new_request_id(),
            conversation_id=await self._conversations.resolve(conversation),
            seq=seq,
        )
        return (await self._plexus.call(self._plexus.messaging.RecallMessage, request)).message

    async def react(self, message: Message, emoji: str, *, remove: bool = False) -> Message:
        """Add an emoji to a message, or remove it; return the message (MSG-16).

        Args:
            message: the message.
            emoji: shortcode without colons, for example `thumbsup`, or one emoji.
            remove: whether to remove the emoji.

        Raises:
            Refused: `TOO_MANY_REACTIONS`, `MESSAGE_IS_RECALLED` and others of messaging.
        """
        request = ReactToMessageRequest(
            request_id=new_request_id(),
            conversation_id=message.conversation_id,
            seq=message.seq,
            emoji=emoji,
            remove=remove,
        )
        return (await self._plexus.call(self._plexus.messaging.ReactToMessage, request)).message

    async def read(self, conversation: str, through_seq: int) -> Cursor:
        """Mark messages as read up to a `seq`; return the cursor, which never decreases (MSG-7).

        Raises:
            Refused: `CURSOR_BEYOND_END` and others of messaging.
        """
        advance = CursorAdvance(
            conversation_id=await self._conversations.resolve(conversation),
            through_seq=through_seq,
        )
        request = AdvanceCursorsRequest(advances=[advance])
        response = await self._plexus.call(self._plexus.messaging.AdvanceCursors, request)
        (verdict,) = response.verdicts
        if verdict.HasField("refused"):
            raise Refused(
                verdict.refused.message,
                reason=verdict.refused.reason,
                metadata=dict(verdict.refused.metadata),
            )
        return verdict.cursor

    async def history(self, conversation: str, *, after_seq: int = 0) -> AsyncIterator[Message]:
        """Yield the messages that the caller may read, oldest first.

        Args:
            conversation: see `send`.
            after_seq: only messages with a larger `seq`.
        """
        conversation_id = await self._conversations.resolve(conversation)
        while True:
            request = ListMessagesRequest(
                conversation_id=conversation_id, after_seq=after_seq, page_size=200
            )
            response = await self._plexus.call(self._plexus.messaging.ListMessages, request)
            for message in response.messages:
                yield message
            if not response.has_more or not response.messages:
                return
            after_seq = response.messages[-1].seq

    async def _call(self, request: SendMessageRequest) -> SendMessageResponse:
        return await self._plexus.call(self._plexus.messaging.SendMessage, request)
