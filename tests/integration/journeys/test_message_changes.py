"""Edits, deletions, reactions, forwards and proofs of messages: with the command line only."""

import json
import secrets

import pytest
from plexus_testkit.wait import eventually


@pytest.fixture
async def room(cli, handles):
    """Create a group of ann with bob and chen in which ann has sent one message to bob."""
    name = f"变更 {secrets.token_hex(3)}"
    made = await cli(
        "--as", "ann", "conversations", "create", name, handles["bob"], handles["chen"]
    )
    (conversation_id,) = made.lines
    await cli("--as", "ann", "send", conversation_id, "会议改到周四", "--mention", handles["bob"])
    return conversation_id


async def found(cli, who, word):
    return (await cli("--as", who, "search", "--json", word)).json["hits"]


async def test_msg_11_an_edit_reaches_tail_history_search_and_notification(cli, handles, room):
    word = f"改期{secrets.token_hex(4)}"
    async with cli.following("--as", "bob", "tail", room, "--since", "--json") as tail:
        assert json.loads(await tail.line())["text"] == "会议改到周四"
        text = f"会议改到周五 {word}"
        await cli("--as", "ann", "edit", room, "1", text, "--mention", handles["bob"])
        changed = json.loads(await tail.line())

    assert (changed["text"], changed["version"]) == (text, 1)
    assert "(edited)" in (await cli("--as", "chen", "history", room)).out
    versions = (await cli("--as", "chen", "versions", room, "1", "--json")).json
    assert [each["version"] for each in versions] == [0, 1]
    await eventually(lambda: found(cli, "chen", word), within=40)

    async def reworded():
        told = (await cli("--as", "bob", "notifications", "list", "--json")).json
        return [each for each in told if word in each["body"]]

    await eventually(reworded, within=40)
    refused = await cli("--as", "bob", "edit", room, "1", "not mine", code=1)
    assert "NOT_YOUR_MESSAGE" in refused.err


async def test_msg_12_a_recall_takes_the_content_from_everywhere(cli, room):
    word = f"机密{secrets.token_hex(4)}"
    sent = await cli("--as", "ann", "send", room, f"价格 {word}")
    seq = sent.out.split()[1]
    await cli("--as", "bob", "send", room, "看这里", "--quote", seq)
    await eventually(lambda: found(cli, "bob", word), within=40)

    await cli("--as", "ann", "recall", room, seq)

    assert await found(cli, "bob", word) == []
    history = await cli("--as", "bob", "history", room)
    assert word not in history.out
    assert "(recalled)" in history.out
    assert word not in (await cli("--as", "ann", "versions", room, seq)).out
    assert (
        "MESSAGE_IS_RECALLED" in (await cli("--as", "ann", "edit", room, seq, "again", code=1)).err
    )


async def test_msg_16_reactions_pins_and_labels_are_everybodys(cli, room):
    await cli("--as", "bob", "react", room, "1", "👍")
    await cli("--as", "chen", "react", room, "1", "👍")
    await cli("--as", "chen", "pin", room, "1")
    await cli("--as", "bob", "label", room, "1", "客户", "急件")

    (pinned,) = (await cli("--as", "ann", "pins", room, "--json")).json
    assert pinned["labels"] == ["客户", "急件"]
    assert [len(each["person_ids"]) for each in pinned["reactions"]] == [2]
    await cli("--as", "bob", "react", room, "1", "👍", "--remove")
    await cli("--as", "bob", "label", room, "1", "--remove", "急件")
    await cli("--as", "ann", "pin", room, "1", "--remove")
    assert (await cli("--as", "ann", "pins", room, "--json")).json == []
    shown = (await cli("--as", "ann", "history", room)).out
    assert "👍 1" in shown
    assert "#客户" in shown


async def test_msg_16_a_forward_says_where_it_comes_from(cli, handles, room):
    target = (await cli("--as", "bob", "conversations", "create", "转发", handles["dora"])).lines[0]

    await cli("--as", "bob", "forward", room, target, "1", "--comment", "请看")

    _, copy = (await cli("--as", "dora", "history", target, "--json")).json
    assert copy["text"] == "会议改到周四"
    assert copy["forwarded"][0]["conversation_id"] == room
    assert copy["forwarded"][0]["sender_id"] == cli.platform.id_of(handles["ann"])
    refused = await cli("--as", "dora", "forward", room, target, "1", code=1)
    assert "CONVERSATION_NOT_FOUND" in refused.err


async def test_a_conversation_is_proved_complete_and_a_kept_anchor_is_compared(cli, room, tmp_path):
    anchors = tmp_path / "anchors.json"
    await cli("--as", "bob", "react", room, "1", "ok")

    proved = (await cli("--as", "chen", "verify", room, "--json", "--anchors", str(anchors))).json

    assert (proved["entries"], proved["through"], proved["problems"]) == (3, 3, [])
    assert proved["compared"] == 1
    assert json.loads(anchors.read_text())[room]["chain_hash"] == proved["chain_hash"]
    forged = {room: {"change_no": 3, "chain_hash": "00" * 32}}
    anchors.write_text(json.dumps(forged))
    broken = await cli("--as", "chen", "verify", room, "--anchors", str(anchors), code=1)
    assert "CHAIN_BROKEN" in broken.err
    assert "another than the one that was kept" in broken.err
    assert "CONVERSATION_NOT_FOUND" in (await cli("--as", "otto", "verify", room, code=1)).err
