"""Sign-in, a message and its delivery to every member: with the command line only."""

import secrets
import signal
import stat

import pytest
from plexus_testkit.harness import PASSWORD
from plexus_testkit.wait import eventually


@pytest.fixture
async def room(cli, handles):
    """Create a group of ann with bob and chen by the command."""
    name = f"发布 {secrets.token_hex(3)}"
    made = await cli(
        "--as", "ann", "conversations", "create", name, handles["bob"], f"@{handles['chen']}"
    )
    (conversation_id,) = made.lines
    assert conversation_id.startswith("cnv_")
    return conversation_id


async def test_a_person_signs_in_and_out_and_only_the_owner_can_read_the_credentials(
    new_cli, handles
):
    nobody = await new_cli("unread", code=1)
    assert "plexus login" in nobody.err

    address = new_cli.platform.grpc_address
    wrong = await new_cli(
        "login", handles["ann"], "--password-stdin", "--url", address, says="wrong\n", code=1
    )
    assert "SIGN_IN_REFUSED" in wrong.err
    assert not new_cli.credentials.exists()

    await new_cli(
        "login", handles["ann"], "--password-stdin", f"--url={address}", says=f"{PASSWORD}\n"
    )
    assert stat.S_IMODE(new_cli.credentials.stat().st_mode) == 0o600
    (profile,) = (await new_cli("profiles", "--json")).json
    assert profile == {"name": handles["ann"], "handle": handles["ann"], "url": address}

    kept = new_cli.credentials.read_text()
    await new_cli("logout")
    assert (await new_cli("profiles", "--json")).json == []
    # The session itself has ended, not only its copy on this machine.
    new_cli.credentials.write_text(kept)
    ended = await new_cli("unread", code=1)
    assert "SESSION_ENDED" in ended.err


async def test_msg_01_what_is_sent_is_in_the_history_of_everybody_with_dense_numbers(
    cli, handles, room
):
    first = await cli("--as", "ann", "send", room, "我们明天发布 [v2]")
    assert first.out.split() == [first.out.split()[0], "1"]
    second = await cli("--as", "bob", "send", room, "-", says="line one\nline two\n")
    assert second.out.split()[1] == "2"
    answer = await cli("send", room, "好的", "--reply-to", "1", "--json", "--as", "chen")
    assert answer.json["seq"] == 3
    mention = await cli("--as", "ann", "send", room, "@bob 看一下", "--mention", handles["bob"])
    assert mention.out.split()[1] == "4"

    history = (await cli("--as", "bob", "history", room, "--json")).json
    assert [message["seq"] for message in history] == [1, 2, 3, 4]
    assert [message["text"] for message in history] == [
        "我们明天发布 [v2]",
        "line one\nline two",
        "好的",
        "@bob 看一下",
    ]
    assert [message["root_seq"] for message in history] == [0, 0, 1, 0]
    assert history[3]["mentions"] == [{"person_id": cli.platform.id_of(handles["bob"])}]
    thread = (await cli("--as", "bob", "history", room, "--thread", "1", "--json")).json
    assert 3 in [message["seq"] for message in thread]
    shown = await cli("--as", "chen", "history", room)
    assert f"{handles['ann']}: 我们明天发布 [v2]" in shown.out


async def test_msg_03_a_repeat_under_its_own_id_is_the_same_message_and_another_text_is_refused(
    cli, room
):
    request_id = secrets.token_hex(8)
    once = await cli("--as", "ann", "send", room, "only once", "--id", request_id, "--json")
    again = await cli("--as", "ann", "send", room, "only once", "--id", request_id, "--json")
    assert (once.json["deduplicated"], again.json["deduplicated"]) == (False, True)
    assert once.json["message_id"] == again.json["message_id"]
    assert once.json["seq"] == again.json["seq"]

    other = await cli("--as", "ann", "send", room, "other words", "--id", request_id, code=1)
    assert other.out == ""
    assert "REQUEST_ID_REUSED" in other.err
    assert len((await cli("--as", "ann", "history", room, "--json")).json) == 1


async def test_msg_07_reading_advances_the_cursor_that_unread_and_receipts_show(
    cli, handles, room, say
):
    await say("ann", room, "一")
    await say("ann", room, "二")

    async def unread():
        rows = (await cli("--as", "bob", "unread", "--json")).json
        return next((row for row in rows if row["conversation_id"] == room), None)

    # The numbers of the list are written once a second.
    mine = await eventually(unread, within=30)
    assert (mine["unread"], mine["mention_unread"]) == (2, 0)
    assert (await cli("--as", "bob", "read", room, "1")).out == "Read through 1.\n"
    # A replay cannot lower it.
    await cli("--as", "bob", "read", room)
    assert (await cli("--as", "bob", "read", room, "1")).out == "Read through 2.\n"
    beyond = await cli("--as", "bob", "read", room, "99", code=1)
    assert "(" in beyond.err
    assert await unread() is None

    receipts = (await cli("--as", "ann", "receipts", room, "2", "--json")).json
    assert (receipts["audience"], receipts["read"]) == (2, 1)
    assert {row["handle"]: row["read"] for row in receipts["receipts"]} == {
        handles["bob"]: True,
        handles["chen"]: False,
    }


async def test_members_come_and_go_by_command(cli, handles, room):
    assert (await cli("--as", "ann", "conversations", "add", room, handles["dora"])).out == (
        "1 added.\n"
    )
    members = (await cli("--as", "dora", "conversations", "members", room, "--json")).json
    assert {member["handle"] for member in members} == {
        handles[name] for name in ("ann", "bob", "chen", "dora")
    }
    assert (await cli("--as", "chen", "conversations", "leave", room)).out == "You left.\n"
    assert (await cli("--as", "ann", "conversations", "remove", room, handles["dora"])).out == (
        "1 removed.\n"
    )
    listed = (await cli("--as", "ann", "conversations", "list", "--json")).json
    (view,) = [view for view in listed if view["conversation"]["id"] == room]
    assert view["conversation"]["member_count"] == 2
    gone = await cli("--as", "dora", "history", room, code=1)
    absent = await cli("--as", "dora", "history", f"{room[:-1]}0", code=1)
    assert "CONVERSATION_NOT_FOUND" in gone.err
    assert "CONVERSATION_NOT_FOUND" in absent.err


async def test_who_creates_a_group_can_write_to_it_at_once_every_time(group, say):
    for number in range(100):
        room = await group("ann", "bob")
        assert (await say("ann", room, f"first of {number}")).seq == 1


async def test_two_people_have_one_direct_conversation_whoever_opens_it(cli, handles):
    opened = await cli("--as", "dora", "conversations", "create", "-", handles["otto"])
    other = await cli("--as", "otto", "conversations", "create", "-", handles["dora"])
    assert opened.out == other.out
    await cli("--as", "dora", "send", f"@{handles['otto']}", "午饭?")
    (message,) = (await cli("--as", "otto", "history", f"@{handles['dora']}", "--json")).json
    assert message["text"] == "午饭?"


async def test_msg_14_a_removed_member_is_told_so_and_gets_nothing_more(cli, handles, room):
    async with cli.following("--as", "bob", "tail", room, "--json") as tail:
        await _heard(cli, tail, room, "can you hear me")
        await cli("--as", "ann", "conversations", "remove", room, handles["bob"])
        assert room in await tail.error()
        await cli("--as", "ann", "send", room, "bob must not see this")
        assert await tail.is_silent(seconds=2)


@pytest.mark.timeout(120)
async def test_msg_06_a_tail_goes_on_after_the_gateway_was_gone_without_gap_or_repeat(
    cli, platform, room, say
):
    gateway = platform["gateway"]
    async with cli.following("--as", "bob", "tail", room) as tail:
        await _heard(cli, tail, room, "before")
        await say("ann", room, "live")
        assert (await tail.line()).endswith("live")

        gateway.signal(signal.SIGTERM)
        await gateway.died(within=25)
        assert "connection lost" in await tail.error()
        await gateway.begin()
        for number in range(1, 6):
            await say("chen", room, f"after {number}")
        heard = [await tail.line() for _ in range(5)]
        assert [line.rpartition(": ")[2] for line in heard] == [f"after {n}" for n in range(1, 6)]
        assert await tail.is_silent(seconds=1)


async def _heard(cli, tail, room, text):
    """Send until the tail, which is starting, prints a message; it prints each one once."""
    for attempt in range(1, 20):
        await cli("--as", "ann", "send", room, f"{text} {attempt}")
        if not await tail.is_silent(seconds=1):
            return
    raise AssertionError("the tail prints nothing")


@pytest.mark.parametrize(
    "listing",
    [
        ("people", "list"),
        ("conversations", "list"),
        ("unread",),
        ("notifications", "list"),
        ("notifications", "preferences"),
        ("tasks", "list"),
        ("projects", "list"),
        ("profiles",),
    ],
    ids=" ".join,
)
async def test_json_of_every_listing_parses(cli, listing):
    assert (await cli("--as", "ann", *listing, "--json")).json is not None


async def test_gw_03_the_figures_of_the_company_are_not_for_every_member(cli):
    assert (await cli("--as", "root", "status", "--json")).json["counts"]["people"]

    refused = await cli("--as", "ann", "status", "--json", code=1)
    assert "status.read" in refused.out + refused.err
