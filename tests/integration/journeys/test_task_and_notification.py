"""A task and its notifications: by the chosen channel, in the user's language, in working hours."""

import email
import secrets
from datetime import timedelta
from email.policy import default
from zoneinfo import ZoneInfo

import pytest
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.notify.v1.notify_service_pb2 import ListNotificationsRequest
from plexus_cli.output import as_dict
from plexus_testkit.harness import Platform
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock

TOLD_SECONDS = 20


@pytest.fixture
def notified():
    """Wait until a person has a notification and its mail is in the given state."""

    async def waited(plexus, source_id, *, email_state="STATE_DELIVERED"):
        async def told():
            response = await plexus.call(
                plexus.notify.ListNotifications, ListNotificationsRequest(page_size=50)
            )
            for notification in map(as_dict, response.notifications):
                if notification["source"]["id"] == source_id:
                    by = {each["channel"]: each for each in notification["deliveries"]}
                    if by["CHANNEL_EMAIL"]["state"] == email_state:
                        return notification | {"by": by}
            return None

        return await eventually(told, within=TOLD_SECONDS)

    return waited


@pytest.fixture
async def stranger(platform: Platform, cli):
    """Create a person whose preferences a test may change; the handle is a profile too."""
    (handle,) = (await platform.new_people("quinn")).values()
    await cli.sign_in(handle, profile=handle)
    async with platform.signed_in(handle) as plexus:
        yield plexus


def mails_to(platform: Platform, handle: str):
    """Return the mails that the mail server has accepted for a person."""
    return [
        email.message_from_bytes(path.read_bytes(), policy=default)
        for path in platform.mails()
        if handle in path.name
    ]


async def test_tsk_01_work_is_made_assigned_moved_and_its_history_tells_all(cli, handles):
    project = await cli("--as", "ann", "projects", "create", "搬迁", handles["bob"])
    (project_id,) = project.lines
    created = await cli(
        *("--as", "ann", "tasks", "create", "订搬家公司", "--project", project_id),
        *("--priority", "high", "--due", "2031-05-01", "--json"),
    )
    task = created.json
    assert (task["state"], task["priority"]) == ("STATE_TODO", "TASK_PRIORITY_HIGH")
    assert task["due"] == {"date": "2031-05-01"}

    assigned = await cli("--as", "ann", "tasks", "assign", task["key"], handles["bob"])
    assert task["key"] in assigned.out
    mine = (await cli("--as", "bob", "tasks", "list", "--mine", "--json")).json
    assert task["id"] in {each["id"] for each in mine}
    assert (await cli("--as", "bob", "tasks", "move", task["key"], "doing")).out == (
        f"{task['key']} is doing.\n"
    )
    await cli("--as", "bob", "tasks", "update", task["key"], "--priority", "urgent")
    stale = await cli(
        *("--as", "ann", "tasks", "update", task["key"], "--title", "x"),
        *("--expected-version", "1"),
        code=1,
    )
    assert "VERSION_CONFLICT" in stale.err

    board = (await cli("--as", "ann", "tasks", "board", project_id, "--json")).json
    lanes = {
        lane["column"]["state"]: [each["id"] for each in lane["tasks"]] for lane in board["lanes"]
    }
    assert lanes["STATE_DOING"] == [task["id"]]
    assert task["id"] not in lanes["STATE_TODO"]
    history = (await cli("--as", "ann", "tasks", "history", task["key"], "--json")).json
    people = {cli.platform.id_of(handles[name]): name for name in ("ann", "bob")}
    moved = [(people[each["actor_id"]], each["field"]) for each in history]
    assert ("ann", "assignee_ids") in moved
    assert ("bob", "state") in moved
    assert ("bob", "priority") in moved
    hidden = await cli("--as", "otto", "tasks", "show", task["key"], code=1)
    absent = await cli("--as", "otto", "tasks", "show", "T-99999999", code=1)
    assert hidden.err.replace(task["key"], "") == absent.err.replace("T-99999999", "")


@pytest.mark.parametrize(
    ("name", "language", "words"),
    [("bob", "zh-CN", "把任务"), ("gina", "en", "assigned task")],
    ids=["chinese", "english"],
)
async def test_ntf_01_an_assignee_is_told_in_the_app_and_by_mail_in_the_own_language(
    cli, platform, handles, people, notified, name, language, words
):
    title = f"准备发布 {secrets.token_hex(4)}"
    created = await cli(
        "--as", "ann", "tasks", "create", title, "--assign", handles[name], "--json"
    )
    notification = await notified(people[name], created.json["id"])
    assert notification["kind"] == "NOTIFICATION_KIND_TASK_ASSIGNED"
    assert words in notification["title"]
    assert title in notification["body"]
    in_app = notification["by"]["CHANNEL_IN_APP"]
    by_mail = notification["by"]["CHANNEL_EMAIL"]
    assert (in_app["state"], by_mail["reason"]) == ("STATE_DELIVERED", "ACCEPTED_BY_SERVER")

    (mail,) = [mail for mail in mails_to(platform, handles[name]) if title in _text(mail)]
    assert mail["Content-Language"] == language
    assert mail["Subject"] == notification["title"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["To"].addresses[0].addr_spec == f"{handles[name]}@example.com"
    shown = await cli("--as", name, "notifications", "list")
    assert "email delivered" in shown.out


async def test_ntf_01_who_is_mentioned_is_told_and_nobody_else(
    cli, platform, handles, people, group, say, notified
):
    word = secrets.token_hex(4)
    room = await group("ann", "bob", "gina", name=f"发布 {word}")
    mention = Mention(person_id=people["gina"].profile.person_id)
    sent = await say("ann", room, f"@gina 看一下 {word}", mentions=[mention])
    notification = await notified(people["gina"], sent.message_id)
    assert notification["kind"] == "NOTIFICATION_KIND_MENTION"
    assert notification["title"] == f"ann mentioned you in 发布 {word}"
    assert notification["source"]["conversation_id"] == room
    assert notification["source"]["seq"] == 1
    (mail,) = [mail for mail in mails_to(platform, handles["gina"]) if word in _text(mail)]
    assert mail["Content-Language"] == "en"
    told = (await cli("--as", "bob", "notifications", "list", "--json")).json
    assert sent.message_id not in {each["source"]["id"] for each in told}


async def test_ntf_03_quiet_hours_keep_the_mail_back_and_reading_drops_it(
    cli, platform, stranger, notified
):
    who = stranger.profile.handle
    now = SystemClock().now().astimezone(ZoneInfo("Asia/Shanghai"))
    begins, ends = (now + timedelta(hours=hours) for hours in (-1, 3))
    await cli(
        *("--as", who, "notifications", "quiet-hours"),
        *(f"{begins:%H:%M}", f"{ends:%H:%M}"),
    )
    preferences = (await cli("--as", who, "notifications", "preferences", "--json")).json
    assert preferences["quiet_hours"]["enabled"]

    room = await cli("--as", "ann", "conversations", "create", "夜班", who)
    room_id = room.out.strip()
    sent = await cli("--as", "ann", "send", room_id, "@quinn 明早再说", "--mention", who, "--json")
    task = await cli("--as", "ann", "tasks", "create", "明早再做", "--assign", who, "--json")
    message_id, task_id = sent.json["message_id"], task.json["id"]
    for source_id in (message_id, task_id):
        waiting = await notified(stranger, source_id, email_state="STATE_DEFERRED")
        by_mail = waiting["by"]["CHANNEL_EMAIL"]
        assert by_mail["reason"] == "QUIET_HOURS"
        assert by_mail["next_attempt_at"] >= ends.astimezone(ZoneInfo("UTC")).strftime(
            "%Y-%m-%dT%H:%M"
        )
        assert waiting["by"]["CHANNEL_IN_APP"]["state"] == "STATE_DELIVERED"

    # Reading the conversation reads the message, reading the notification reads the task (NTF-7).
    await cli("--as", who, "read", room_id)
    await notified(stranger, message_id, email_state="STATE_DROPPED")
    listed = (await cli("--as", who, "notifications", "list", "--unread", "--json")).json
    (unread,) = [each for each in listed if each["kind"] != "NOTIFICATION_KIND_MEMBERSHIP"]
    assert unread["source"]["id"] == task_id
    assert (await cli("--as", who, "notifications", "read", unread["id"])).out == (
        "1 marked as read.\n"
    )
    dropped = await notified(stranger, task_id, email_state="STATE_DROPPED")
    assert dropped["by"]["CHANNEL_EMAIL"]["reason"] == "ALREADY_READ"
    assert mails_to(platform, who) == []


async def test_ntf_03_quiet_hours_that_cannot_be_lived_by_are_refused(cli, stranger):
    refused = await cli(
        "--as", stranger.profile.handle, "notifications", "quiet-hours", "22:00", "25:00", code=1
    )
    assert "QUIET_HOURS_INVALID" in refused.err


def _text(mail) -> str:
    return mail.get_body(("plain",)).get_content()
