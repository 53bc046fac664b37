"""Messages as the server shows them, compared by the command line with the proved log: MSG-20."""

import pytest
from messaging.log.domain.states import History
from messaging.messages.domain.messages import Attachment, Span, SpanKind
from messaging.messages.operations.forwards import forward_messages
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.messages import list_messages
from messaging.messages.queries.verifications import verify_conversation
from plexus_cli import shown
from plexus_cli.commands.verifying import Verified


@pytest.fixture
async def room(log, group, say, change, person):
    """Make a conversation with every kind of change that a message can show."""
    room = await group("ann", "bob", history=History.ALL)
    await send_message(log, new_message=say(room, "ann", "the offer is 57752 EUR"))
    rich = say(
        room,
        "bob",
        "@ann 看 code",
        spans=(Span(0, 4, SpanKind.MENTION, "ann"), Span(7, 4, SpanKind.CODE)),
        attachments=(Attachment("报价.xlsx", "https://files.example/1", "text/plain", 7),),
    )
    await send_message(log, new_message=rich)
    reply = say(room, "ann", "a reply", reply_to_seq=1, quote_seq=1)
    await send_message(log, new_message=reply)
    await send_message(log, new_message=say(room, "ann", "taken back"))
    await send_message(log, new_message=say(room, "bob", "a quote", quote_seq=4))
    await change("edit", "ann", room, 3, text="a better reply")
    await change("edit", "ann", room, 1, text="the offer is 57000 EUR")
    for who in ("ann", "bob"):
        await change("react", who, room, 1, emoji="ok")
    await change("react", "ann", room, 1, emoji="ok", remove=True)
    await change("pin", "ann", room, 1)
    await change("pin", "ann", room, 2)
    await change("pin", "ann", room, 2, unpin=True)
    await change("label", "ann", room, 2, add=("wichtig",))
    await change("react", "bob", room, 4, emoji="no")
    await change("pin", "bob", room, 4)
    await change("recall", "ann", room, 4)
    await forward_messages(
        log,
        actor=person("ann"),
        conversation_id=room,
        seqs=[1, 2],
        to_conversation_id=room,
        merged=True,
        comment="",
        request_id="f1",
    )
    return room


@pytest.fixture
def proved(store, person):
    """Prove a stretch of a log as the command line does; return its findings and output."""

    async def prove(room, *, first=1, last=0):
        me = {"actor": person("bob"), "conversation_id": room}
        found = await verify_conversation(store, **me, first=first, last=last)
        verified = Verified(room, replay=shown.Replay(whole=first == 1))
        link = found.previous
        for each in found.links:
            link = verified.take(each, link)
        assert verified.problems == []
        page, _, _ = await list_messages(
            store, **me, before_seq=0, after_seq=0, root_seq=0, limit=500
        )
        return verified.replay, page

    return prove


def problems(replay, page):
    return {message.seq: word for message in page if (word := replay.problem_with(message))}


@pytest.mark.rule("MSG-20")
async def test_msg_20_every_message_is_shown_as_the_log_says(room, proved):
    replay, page = await proved(room)
    replay.mark()

    assert len(page) == 6
    assert problems(replay, page) == {}
    assert replay.not_among({message.seq for message in page}) == []


FORGERIES = {
    "text": lambda message: setattr(message, "text", "the offer is 77000 EUR"),
    "sender": lambda message: setattr(message, "sender_id", "bob"),
    "edited": lambda message: message.ClearField("edited_at"),
    "version": lambda message: setattr(message, "version", 0),
    "reactions": lambda message: message.reactions[0].person_ids.append("eve"),
    "pin": lambda message: message.ClearField("pin"),
    "labels": lambda message: message.labels.append("urgent"),
    "recalled": lambda message: setattr(message, "recalled", True),
    "attachments": lambda message: message.attachments.add(name="other.xlsx"),
    "time": lambda message: setattr(message.posted_at, "seconds", 1),
}


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize("name", FORGERIES)
async def test_msg_20_a_server_that_shows_something_else_is_found(room, proved, name):
    replay, page = await proved(room)

    FORGERIES[name](page[0])

    assert problems(replay, page) == {1: shown.DIFFERENT}


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_recalled_text_that_is_shown_again_is_found(room, proved):
    replay, page = await proved(room)

    page[3].text, page[3].recalled = "taken back", False

    assert problems(replay, page) == {4: shown.DIFFERENT}


@pytest.mark.rule("MSG-20")
async def test_msg_20_an_older_state_that_is_shown_is_found(room, proved, change):
    _, before = await proved(room)
    await change("edit", "ann", room, 3, text="another reply")
    replay, _ = await proved(room)

    assert problems(replay, before) == {3: shown.DIFFERENT}


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_message_that_is_left_out_or_made_up_is_found(room, proved):
    replay, page = await proved(room)
    replay.mark()

    assert replay.not_among({1, 2, 4, 5, 6}) == [3]
    page[0].seq = 7
    assert problems(replay, page) == {7: shown.UNSAID}


@pytest.mark.rule("MSG-20")
async def test_msg_20_quoted_words_are_those_of_the_quoted_message(room, proved):
    replay, page = await proved(room)
    assert page[2].quote.text == "the offer is 57000 EUR"
    assert page[4].quote.unavailable

    page[2].quote.text = "the offer is 77000 EUR"
    page[4].quote.text, page[4].quote.unavailable = "taken back", False

    assert problems(replay, page) == {3: shown.OTHER_QUOTE, 5: shown.OTHER_QUOTE}


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_stretch_compares_the_messages_that_were_said_in_it(room, proved):
    replay, page = await proved(room, first=4)

    page[2].text = "forged"

    # The first two are older than the stretch, so their words are not known.
    assert problems(replay, page) == {3: shown.DIFFERENT}


@pytest.mark.rule("MSG-20")
async def test_msg_20_what_changes_while_it_is_compared_is_compared_with_its_own_state(
    room, proved, change, store, person
):
    replay, before = await proved(room)
    replay.mark()
    await change("react", "ann", room, 2, emoji="a")
    _, listed = await proved(room)
    await change("react", "ann", room, 2, emoji="b")
    number = max(message.change_no for message in before)
    found = await verify_conversation(
        store, actor=person("bob"), conversation_id=room, first=number + 1, last=0
    )

    # The listing fell between two changes whose entries are read after it.
    assert len(found.links) == 2
    for link in found.links:
        replay.take(link)

    assert problems(replay, listed) == {}
    listed[1].reactions[0].emoji = "c"
    assert problems(replay, listed) == {2: shown.DIFFERENT}
