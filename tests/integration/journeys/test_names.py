"""Names that people type, groups that change hands, work that is handed over: by the command."""

import secrets

import pytest
from plexus_testkit.wait import eventually


@pytest.fixture
def of(people):
    """Return the handle of a person of the tests."""
    return lambda name: people[name].profile.handle


@pytest.fixture
async def team(cli, of):
    """A group of ann, bob and chen; gives its name."""
    name = f"小队 {secrets.token_hex(3)}"
    await cli("--as", "ann", "conversations", "create", name, of("bob"), of("chen"))
    return name


async def last_of(cli, who, room):
    return (await cli("--as", who, "history", room, "--json")).json[-1]


async def test_msg_13_what_is_typed_after_an_at_mentions_and_strangers_are_reported(
    cli, of, people, team
):
    sent = await cli("--as", "ann", "send", team, f"@{of('bob')} 请确认，@{of('dora')}也看看")
    assert f"@{of('dora')} is not in this conversation" in sent.err
    message = await last_of(cli, "ann", team)
    mentioned = {each["person_id"] for each in message["mentions"]}
    assert mentioned == {people["bob"].profile.person_id, people["dora"].profile.person_id}
    assert len(message["spans"]) == 2

    unknown = await cli("--as", "ann", "send", team, "见 @nosuchname", "--json")
    assert "Nobody is called @nosuchname" in unknown.err
    plain = await cli("--as", "ann", "send", team, f"@{of('bob')}", "--no-mentions")
    assert plain.err == ""
    assert (await last_of(cli, "ann", team))["mentions"] == []


async def test_msg_11_a_mention_by_an_edit_counts_and_its_removal_withdraws_the_notice(
    cli, of, team
):
    seq = (await cli("--as", "ann", "send", team, "合同好了")).out.split()[1]
    await cli("--as", "bob", "read", team)
    await cli("--as", "ann", "edit", team, seq, f"@{of('bob')} 合同好了")

    async def noticed():
        listed = (await cli("--as", "bob", "notifications", "list", "--json")).json
        return [
            each
            for each in listed
            if each["kind"] == "NOTIFICATION_KIND_MENTION" and "合同好了" in each["body"]
        ]

    (notice,) = await eventually(noticed, within=30)
    assert not notice.get("read", False)
    (view,) = [
        each for each in (await cli("--as", "bob", "unread", "--json")).json if each["name"] == team
    ]
    assert view["mention_unread"] == 1
    await cli("--as", "ann", "edit", team, seq, "合同好了，谢谢")

    async def withdrawn():
        return not await noticed()

    await eventually(withdrawn, within=30)
    views = (await cli("--as", "bob", "unread", "--json")).json
    assert team not in {each["name"] for each in views}


async def test_a_colleague_is_mentioned_by_name_until_the_recall_and_gets_a_role(
    cli, platform, team
):
    handle, name = (await platform.new_people("zhou"))["zhou"], f"周宁{secrets.token_hex(3)}"
    await cli.sign_in(handle, profile=handle)
    await cli("--as", "root", "people", "update", handle, "--name", name)
    await cli("--as", "ann", "conversations", "add", team, handle)
    seq = (await cli("--as", "ann", "send", team, f"@{name} 请看预算")).out.split()[1]

    async def titles(kind):
        listed = (await cli("--as", handle, "notifications", "list", "--json")).json
        wanted = f"NOTIFICATION_KIND_{kind}"
        return [
            each["title"] for each in listed if each["kind"] == wanted and team in each["title"]
        ]

    await eventually(lambda: titles("MENTION"), within=30)
    await cli("--as", "ann", "recall", team, seq)

    async def withdrawn():
        return not await titles("MENTION")

    await eventually(withdrawn, within=30)
    await cli("--as", "ann", "conversations", "role", team, handle, "admin")

    async def promoted():
        return any("管理员" in title for title in await titles("MEMBERSHIP"))

    await eventually(promoted, within=30)
    assert f"{handle} → admin" in (await cli("--as", handle, "history", team)).out


async def test_a_message_to_a_person_starts_the_conversation(cli, of):
    await cli("--as", "otto", "send", f"@{of('dora')}", "第一次联系")
    assert (await last_of(cli, "dora", f"@{of('otto')}"))["text"] == "第一次联系"


async def test_a_group_of_the_same_name_breaks_no_command(cli, of, team):
    await cli("--as", "ann", "send", team, "原来的群")
    other = (await cli("--as", "dora", "conversations", "create", team, of("ann"))).out.strip()
    read = await cli("--as", "ann", "history", team)
    assert "原来的群" in read.out
    assert f"{team}#{other[-4:]}" in read.err
    await cli("--as", "ann", "send", f"{team}#{other[-4:]}", "另一个群")
    assert (await last_of(cli, "dora", other))["text"] == "另一个群"
    listed = await cli("--as", "ann", "conversations", "list")
    assert f"{team}#{other[-4:]}" in listed.out


async def test_a_group_is_renamed_handed_over_left_and_archived_with_its_history(cli, of, team):
    new = f"{team} 二"
    await cli("--as", "ann", "send", team, "大家好")
    await cli("--as", "ann", "conversations", "rename", team, new)
    await cli("--as", "bob", "conversations", "rename", new, "x", code=1)
    await cli("--as", "ann", "conversations", "transfer", new, of("bob"))
    await cli("--as", "ann", "conversations", "leave", new)
    await cli("--as", "bob", "conversations", "update", new, "--history", "all")
    await cli("--as", "bob", "conversations", "add", new, of("dora"))
    shown = (await cli("--as", "bob", "history", new)).out
    for known in (
        f"{of('ann')} began the conversation",
        "大家好",
        f"renamed to {new}",
        f"{of('bob')} → owner",
        f"{of('ann')} left.",
        "new members see everything",
        f"{of('bob')} added {of('dora')}.",
    ):
        assert known in shown
    assert "大家好" in (await cli("--as", "dora", "history", new)).out

    async def noticed():
        listed = (await cli("--as", "dora", "notifications", "list", "--json")).json
        return [
            each
            for each in listed
            if each["kind"] == "NOTIFICATION_KIND_MEMBERSHIP" and new in each["title"]
        ]

    assert await eventually(noticed, within=30)
    await cli("--as", "bob", "conversations", "archive", new)
    await cli("--as", "bob", "send", new, "x", code=1)
    await cli("--as", "bob", "conversations", "unarchive", new)
    await cli("--as", "bob", "send", new, "还在")


async def test_a_handle_changes_and_the_old_one_still_leads_there(cli):
    mark = secrets.token_hex(3)
    await cli("--as", "root", "people", "create", f"old-{mark}", f"新人 {mark}")
    await cli("--as", "root", "people", "update", f"old-{mark}", "--handle", f"new-{mark}")
    shown = (await cli("--as", "ann", "people", "show", f"old-{mark}")).out
    assert f"new-{mark}" in shown
    assert f"old-{mark} until" in shown
    refused = await cli("--as", "root", "people", "create", "here", "某人", code=1)
    assert "HANDLE_RESERVED" in refused.err


async def test_a_leaver_s_open_work_is_listed_and_given_to_somebody_else(cli, of):
    mark = secrets.token_hex(3)
    leaver = f"leaver-{mark}"
    await cli("--as", "root", "people", "create", leaver, f"离职 {mark}")
    await cli("--as", "ann", "projects", "create", f"项目 {mark}", leaver)
    key = (
        await cli(
            *("--as", "ann", "tasks", "create", f"交接 {mark}"),
            *("--assign", leaver, "--project", f"项目 {mark}"),
        )
    ).out.split()[0]
    await cli("--as", "ann", "projects", "remove", f"项目 {mark}", leaver, code=1)
    await cli("--as", "root", "people", "deactivate", leaver)
    await cli("--as", "ann", "tasks", "open-work", leaver, code=1)
    assert key in (await cli("--as", "root", "tasks", "open-work", leaver)).out
    told = await cli("--as", "root", "tasks", "reassign", leaver, "--to", of("bob"))
    assert "1 task, 1 project." in told.out
    assert of("bob") in (await cli("--as", "bob", "tasks", "show", key)).out
    assert (await cli("--as", "root", "tasks", "open-work", leaver, "--json")).json["tasks"] == []
    await cli("--as", "ann", "projects", "close", f"项目 {mark}")
    await cli("--as", "ann", "tasks", "create", "x", "--project", f"项目 {mark}", code=1)
