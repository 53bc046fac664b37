"""Names as people type them: of people, departments and conversations, in texts and beside them."""

import pytest
from plexus.directory.v1.people_pb2 import Department, Person
from plexus.messaging.v1.messages_pb2 import Mention
from plexus_sdk import Client, NameAmbiguous, NameNotFound
from plexus_sdk.names import Named, closest
from plexus_sdk.pinyin import Fit, spelled
from plexus_sdk.texts import marks_of

from .scripted import Gateway

CHEN = Person(id="per_chen", handle="chen.yu", display_name="陈宇")
LIN = Person(id="per_lin", handle="lin.wei", display_name="林薇")
LI = Person(id="per_li", handle="li.na", display_name="李娜")
AL = Person(id="per_al", handle="al", display_name="Al L.")
XU = Person(id="per_xu", handle="xu.jia", display_name="徐佳")


# --- pinyin


@pytest.mark.parametrize(
    ("letters", "name", "fit"),
    [
        ("chenyu", "陈宇", Fit.WHOLE),
        ("cheny", "陈宇", Fit.BEGINNING),
        ("chen", "陈宇", Fit.BEGINNING),
        ("cy", "陈宇", Fit.BEGINNING),
        ("che", "陈宇", Fit.BEGINNING),
        ("cyx", "陈宇", Fit.NONE),
        ("yu", "陈宇", Fit.NONE),
        ("zengli", "曾丽", Fit.WHOLE),
        ("cengli", "曾丽", Fit.WHOLE),
        ("lv", "吕", Fit.WHOLE),
        ("lu", "吕", Fit.WHOLE),
        ("ann", "ann", Fit.NONE),
    ],
)
def test_letters_spell_a_name_in_every_reading(letters: str, name: str, fit: Fit) -> None:
    assert spelled(letters, name) is fit


def test_the_closest_way_in_which_a_name_fits_decides() -> None:
    people = [
        Named("1", "Chen", "chenchen"),
        Named("2", "陈", "boss"),
        Named("3", "陈宇", "yu"),
        Named("4", "Somebody", "chen"),
    ]
    assert [each.id for each in closest("@CHEN", people)] == ["4"]
    assert [each.id for each in closest("Ｃｈｅｎ", people[:3])] == ["1"]
    assert [each.id for each in closest("chen", people[1:3])] == ["2"]
    assert [each.id for each in closest("chen", [people[0], people[2]])] == ["1"]
    assert [each.id for each in closest("che", people[:3])] == ["1", "2", "3"]
    assert closest("陈", people[2:]) == [people[2]]
    assert closest("", people) == []


# --- in texts


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("@ann", [0]),
        ("你好@ann，@bob", [2, 7]),
        ("(@ann)", [1]),
        ("ann@example.com", []),
        ("https://host.example/@ann", []),
        ("@ @ann", [2]),
        ("＠陈宇", [0]),
        ("a@b @c", [4]),
    ],
)
def test_a_mention_begins_where_no_address_does(text: str, places: list[int]) -> None:
    assert list(marks_of(text, markdown=False)) == places


def test_nothing_is_a_mention_in_code_and_quotes_of_markdown() -> None:
    text = "`@ann` ``a ` @ann`` @bob\n> @ann\n```\n@ann\n```\n@eve"
    assert [text[place : place + 4] for place in marks_of(text, markdown=True)] == ["@bob", "@eve"]


@pytest.fixture
def room(gateway: Gateway) -> str:
    gateway.people += [CHEN, LIN, LI, AL, XU]
    gateway.departments = [Department(id="dep_1", name="市场部")]
    members = (CHEN.id, LIN.id, LI.id, AL.id, "per_me")
    return gateway.log("cnv_room", name="room", people=members).id


@pytest.mark.parametrize(
    ("text", "meant", "shown"),
    [
        ("@lin.wei 请确认", "per_lin", "@lin.wei"),
        ("@Lin.Wei.", "per_lin", "@Lin.Wei"),
        ("请@陈宇看一下", "per_chen", "@陈宇"),
        ("@陈宇", "per_chen", "@陈宇"),
        ("＠林薇！", "per_lin", "＠林薇"),
        ("@Al L. please", "per_al", "@Al L."),
        ("@chenyu 好的", "per_chen", "@chenyu"),
        ("@linw好的", "per_lin", "@linw"),
        ("@xu.jia 你也来", "per_xu", "@xu.jia"),
        ("@徐佳你也来", "per_xu", "@徐佳"),
    ],
)
async def test_msg_13_a_typed_name_becomes_a_mention_with_its_place(
    client: Client, room: str, text: str, meant: str, shown: str
) -> None:
    typed = await client.mentions.typed(text, conversation_id=room)
    assert list(typed.mentions) == [Mention(person_id=meant)]
    (span,) = typed.spans
    assert text[span.start : span.start + span.length] == shown
    assert span.mention_person_id == meant
    assert typed.unknown == ()


async def test_msg_13_departments_and_everyone_are_mentioned_by_name(
    client: Client, room: str
) -> None:
    typed = await client.mentions.typed("@市场部和@所有人：@all", conversation_id=room)
    assert list(typed.mentions) == [Mention(department_id="dep_1"), Mention(all=True)]
    assert [span.WhichOneof("meaning") for span in typed.spans] == [
        "mention_department_id",
        "mention_all",
        "mention_all",
    ]
    assert (await client.mentions.typed("@allen", conversation_id=room)).mentions == ()


async def test_what_names_nobody_stays_text_and_is_reported(client: Client, room: str) -> None:
    typed = await client.mentions.typed("@media 和 @property，@media", conversation_id=room)
    assert (typed.mentions, typed.spans) == ((), ())
    assert typed.unknown == ("@media", "@property")


async def test_an_ambiguous_mention_is_refused_with_its_candidates(
    client: Client, gateway: Gateway, room: str
) -> None:
    with pytest.raises(
        NameAmbiguous, match=r"@li.*@lin\.wei \(林薇\), @li\.na \(李娜\)"
    ) as refused:
        await client.messages.send(room, "@li 在吗", typed_mentions=True)
    assert set(refused.value.candidates) == {"per_lin", "per_li"}
    gateway.people.append(Person(id="per_2", handle="chen.2", display_name="陈宇"))
    gateway.logs[room].people += ("per_2",)
    with pytest.raises(NameAmbiguous):
        await client.mentions.typed("@陈宇", conversation_id=room)
    assert gateway.commands == []


async def test_a_longer_name_outside_comes_before_a_shorter_one_inside(
    client: Client, gateway: Gateway, room: str
) -> None:
    gateway.people.append(Person(id="per_hang", handle="hang", display_name="陈宇航"))
    typed = await client.mentions.typed("@陈宇航在吗", conversation_id=room)
    assert list(typed.mentions) == [Mention(person_id="per_hang")]


async def test_a_message_is_sent_with_its_typed_mentions_only_if_that_is_asked_for(
    client: Client, gateway: Gateway, room: str
) -> None:
    sent = await client.messages.send(
        room, "@chenyu @nobody 好", mentions=["林薇"], typed_mentions=True
    )
    assert sent.unknown_mentions == ("@nobody",)
    assert [each.person_id for each in gateway.commands[-1].mentions] == ["per_lin", "per_chen"]
    assert len(gateway.commands[-1].spans) == 1
    await client.messages.send(room, "@chenyu", markdown=True, typed_mentions=True)
    assert not gateway.commands[-1].spans
    await client.messages.send(room, "@chenyu 好")
    assert not gateway.commands[-1].mentions


# --- people and conversations


@pytest.mark.parametrize("name", ["chen.yu", "@Chen.Yu", "陈宇", "@chenyu", "cheny", "cy"])
@pytest.mark.usefixtures("room")
async def test_a_person_is_written_to_by_any_of_their_names(client: Client, name: str) -> None:
    assert await client.conversations.resolve(name) == "cnv_per_chen"


@pytest.mark.usefixtures("room")
async def test_people_of_commands_are_found_by_whole_names_alone(client: Client) -> None:
    found = await client.people.find(["陈宇", "@li.na"])
    assert [person.id for person in found.values()] == ["per_chen", "per_li"]
    with pytest.raises(NameNotFound, match="cheny"):
        await client.people.find(["cheny"])


async def test_a_new_group_takes_no_name_from_an_older_one(
    client: Client, gateway: Gateway
) -> None:
    gateway.log("cnv_NEWER0", name="全体同事", joined_at=20)
    gateway.log("cnv_OLDER1", name="全体同事", joined_at=10)
    place = await client.conversations.find("全体同事")
    assert place.id == "cnv_OLDER1"
    assert [view.conversation.id for view in place.alike] == ["cnv_NEWER0"]
    assert await client.conversations.resolve("全体同事#wer0") == "cnv_NEWER0"


async def test_a_group_comes_before_a_person_and_a_beginning_of_its_name_is_enough(
    client: Client, gateway: Gateway
) -> None:
    gateway.log("cnv_1", name="ann")
    gateway.log("cnv_2", name="Atlas 上市项目")
    assert await client.conversations.resolve("ann") == "cnv_1"
    assert await client.conversations.resolve("@ann") == "cnv_per_ann"
    assert await client.conversations.resolve("atlas 上市项目") == "cnv_2"
    assert await client.conversations.resolve("Atlas") == "cnv_2"
    with pytest.raises(NameNotFound, match="no group called nothing"):
        await client.conversations.resolve("nothing")
