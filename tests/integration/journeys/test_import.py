"""Import of a company's Slack history: complete, exactly once, and without notifications."""

import asyncio
import json
import secrets
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from opensearchpy import AsyncOpenSearch
from plexus.directory.v1.session_service_pb2 import SetPasswordRequest
from plexus.messaging.v1.messaging_service_pb2 import GetMessagingStatusRequest
from plexus.notify.v1.notify_service_pb2 import GetNotifyStatusRequest
from plexus_cli import slack
from plexus_cli.context import find_people
from plexus_testkit.harness import PASSWORD
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock

REAL_EXPORT = Path(__file__).parents[4] / "shared" / "data" / "slack" / "racket-export.zip"
COUNTED = {"oddities", "refusals"}


@dataclass(frozen=True)
class Slack:
    """A made-up workspace with unique ids and names, written as a folder."""

    root: Path
    tag: str

    def id(self, key: str) -> str:
        return f"{key}{self.tag.upper()}"

    def name(self, name: str) -> str:
        return f"{name}-{self.tag}"

    def write(self, name: str, content: object) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        path.write_text(text, encoding="utf-8")

    def said(self, at: float, text: str, *, by: str = "U1", **fields: object) -> dict[str, object]:
        return {"type": "message", "user": self.id(by), "text": text, "ts": f"{at:.6f}", **fields}


@pytest.fixture
def workspace(tmp_path):
    """Write people, two channels, a group and a direct chat, without messages."""
    made = Slack(tmp_path / "export", secrets.token_hex(4))
    users = [
        {
            "id": made.id("U1"),
            "name": made.name("lan"),
            "real_name": "兰",
            "tz": "Asia/Shanghai",
            "locale": "zh-CN",
            "profile": {"email": f"{made.name('lan')}@example.com"},
        },
        {"id": made.id("U2"), "name": made.name("bo"), "real_name": "Bo", "tz": "Mars/Olympus"},
        {"id": made.id("U3"), "name": made.name("gone"), "deleted": True},
        {"id": made.id("U4"), "name": made.name("ci"), "is_bot": True, "profile": {}},
    ]
    made.write("users.json", users)
    made.write(
        "channels.json",
        [
            {
                "id": made.id("C1"),
                "name": made.name("general"),
                "members": [made.id("U1"), made.id("U2"), made.id("U3"), made.id("UNKNOWN")],
                "created": 1_600_000_000,
                "topic": {"value": "大家"},
            },
            {"id": made.id("C2"), "name": made.name("random"), "members": [made.id("U1")]},
        ],
    )
    made.write("dms.json", [{"id": made.id("D1"), "members": [made.id("U1"), made.id("U2")]}])
    return made


@pytest.fixture
def messy(workspace):
    """Write all known irregularities of exports, not sorted by time."""
    made, root = workspace, 1_700_000_100.000100
    general = made.name("general")
    made.write(
        f"{general}/2023-11-15.json",
        [
            made.said(root + 50, "a reply", thread_ts=f"{root:.6f}", by="U2"),
            made.said(root, "第一条 &lt;b&gt; &amp; <https://example.com|a link>"),
            made.said(root + 1, f"hey <@{made.id('U2')}> and <!channel> and <@UNOBODY>"),
            made.said(root + 2, "edited", edited={"user": made.id("U1"), "ts": f"{root + 3:.6f}"}),
            made.said(root + 4, "who was that", by="UGHOST"),
            made.said(root + 5, "twice"),
            made.said(root + 5, "twice"),
        ],
    )
    made.write(
        f"{general}/2023-11-14.json",
        [
            made.said(root - 80_000, "the day before", by="U3"),
            {
                "type": "message",
                "subtype": "bot_message",
                "bot_id": made.id("BNONE"),
                "username": made.name("deploys"),
                "text": "v1 is out",
                "ts": f"{root - 79_000:.6f}",
            },
            {"type": "app_event", "ts": f"{root - 78_500:.6f}"},
            made.said(root - 78_000, "a reply to what is not here", thread_ts="1600000000.000001"),
            made.said(
                root - 77_000,
                "liked",
                reactions=[{"name": "thumbsup", "users": [made.id("U2")], "count": 1}],
            ),
        ],
    )
    made.write(f"{made.id('D1')}/2023-11-14.json", [made.said(root - 70_000, "只有我们两个")])
    made.write("integration_logs.json", [])
    return made


async def _brought(cli, export, *, code=0, flags=()):
    """Import as the administrator; return the command's output and its errors."""
    ran = await cli("--as", "root", "import", "slack", str(export), "--json", *flags, code=code)
    return ran.json, ran.err


@pytest.fixture
def become(cli, people):
    """Let an imported person sign in, under a profile of the same name."""

    async def became(handle):
        root = people["root"]
        person = (await find_people(root, [handle]))[handle]
        request = SetPasswordRequest(person_id=person.id, new_password=PASSWORD, reason="moved in")
        await root.call(root.sessions.SetPassword, request)
        await cli.sign_in(handle, profile=handle)
        return person

    return became


async def test_msg_19_a_messy_export_comes_in_whole_and_a_second_run_adds_nothing(
    cli, messy, become, people, platform
):
    mails = len(platform.mails())
    root = people["root"]
    told = await root.call(root.notify.GetNotifyStatus, GetNotifyStatusRequest())

    done, warnings = await _brought(cli, messy.root)
    assert (done["conversations"], done["conversations_created"]) == (3, 3)
    assert done["people"] == done["people_created"]
    assert done["people"] >= 6, "four users and the stand-ins of whoever acted"
    assert (done["skipped"], done["refused"], done["refusals"]) == (0, 0, [])
    assert done["messages"] == 11
    assert {"author unknown", "member unknown", "mention unknown", "duplicate ts"} <= set(
        done["oddities"]
    )
    assert "warning: " in warnings

    again, _ = await _brought(cli, messy.root)
    assert {name: again[name] for name in again.keys() - COUNTED} == {
        "people": done["people"],
        "people_created": 0,
        "conversations": 3,
        "conversations_created": 0,
        "conversations_changed": 0,
        "conversations_closed": 0,
        "messages": 0,
        "changed": 0,
        "skipped": done["messages"],
        "kept": 0,
        "refused": 0,
    }

    handle = messy.name("lan")
    await become(handle)
    general = messy.name("general")
    history = (await cli("--as", handle, "history", general, "--json")).json
    assert [message["seq"] for message in history] == list(range(1, 11))
    times = [message["sent_at"] for message in history]
    assert times == sorted(times)
    assert times[0].startswith("2023-11-14")
    by_text = {message["text"]: message for message in history}
    first = by_text["第一条 <b> & a link"]
    assert by_text["a reply"]["root_seq"] == first["seq"]
    assert by_text["edited"]["edited_at"]
    assert by_text["liked"]["reactions"][0]["emoji"]
    assert {message["origin"] for message in history} == {"import"}
    assert all(message["posted_at"] > message["sent_at"] for message in history)
    direct = (await cli("--as", handle, "history", f"@{messy.name('bo')}", "--json")).json
    assert [message["text"] for message in direct] == ["只有我们两个"]

    # Imported messages are read already and notify no one.
    assert (await cli("--as", handle, "unread", "--json")).json == []
    indexed = await cli("--as", handle, "search", "只有我们两个", "--json")
    assert (indexed.json["total"], len(platform.mails())) in {(0, mails), (1, mails)}
    after = await root.call(root.notify.GetNotifyStatus, GetNotifyStatusRequest())
    assert after.notifications == told.notifications
    assert (await cli("--as", handle, "notifications", "list", "--json")).json == []


async def test_strict_stops_at_the_first_oddity_and_names_its_place(cli, messy):
    ran = await cli(
        "--as", "root", "import", "slack", str(messy.root), "--strict", "--json", code=1
    )
    assert ran.json["messages"] == 0
    assert ".json" in ran.err


async def test_a_damaged_file_is_named_and_everything_else_comes_in(cli, workspace, become):
    made, start = workspace, 1_700_000_000
    general, other = made.name("general"), made.name("random")
    good = [made.said(start + number, f"good {number}") for number in range(5)]
    made.write(f"{general}/2023-11-14.json", good)
    last = {"ts": f"{start + 101}.000000", **made.said(start + 101, "bad")}
    begun = json.dumps([made.said(start + 100, "good 5"), last])
    made.write(f"{general}/2023-11-15.json", begun[:-20])
    made.write(f"{general}/2023-11-16.json", [made.said(start + 200_000, "after")])
    made.write(f"{other}/2023-11-14.json", [made.said(start, "elsewhere")])

    done, errors = await _brought(cli, made.root)
    assert (done["messages"], done["refused"]) == (8, 0)
    assert done["oddities"]["entry damaged"] == 1
    assert f"{general}/2023-11-15.json, entry 1, ts {start + 101}.000000" in errors
    _, errors = await _brought(cli, made.root, code=1, flags=("--strict",))
    assert "EXPORT_UNTIDY" in errors

    made.write(f"{general}/2023-11-15.json", begun)
    repaired, _ = await _brought(cli, made.root)
    assert (repaired["messages"], repaired["skipped"]) == (1, 8)
    await become(made.name("lan"))
    history = (await cli("--as", made.name("lan"), "history", general, "--json")).json
    texts = [message["text"] for message in history]
    assert texts == [*(f"good {n}" for n in range(6)), "after", "bad"]


async def test_a_wrong_field_of_one_person_stops_nobody(cli, workspace):
    made = workspace
    users = json.loads((made.root / "users.json").read_text())
    users[1]["profile"] = {"email": "bo(at)home.example", "title": "长" * 188}
    users[2]["real_name"] = "Maximiliana " * 12
    made.write("users.json", users)

    done, errors = await _brought(cli, made.root)
    assert done["people"] == done["people_created"] == 5
    assert done["oddities"]["e-mail address invalid"] == 1
    assert done["oddities"]["field shortened"] == 2
    assert "users.json, entry 1" in errors


async def test_msg_19_a_second_export_brings_what_has_changed(cli, workspace, become):
    made, start = workspace, 1_700_000_000
    general = made.name("general")
    first = [made.said(start + n, text) for n, text in enumerate(("one", "two", "three"))]
    made.write(f"{general}/2023-11-14.json", first)
    made.write(f"{made.id('D1')}/2023-11-14.json", [made.said(start, "between us")])
    await _brought(cli, made.root)

    second = [
        first[0] | {"reactions": [{"name": "eyes", "users": [made.id("U2")], "count": 1}]},
        first[1] | {"text": "two, edited", "edited": {"user": "U", "ts": f"{start + 60}.000000"}},
        first[2]
        | {"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted."},
        made.said(start + 3, "four"),
    ]
    made.write(f"{made.name('plan')}/2023-11-14.json", second)
    (made.root / general / "2023-11-14.json").unlink()
    made.write(f"{made.id('D1')}/2023-11-14.json", [made.said(start, "changed")])
    channels = json.loads((made.root / "channels.json").read_text())
    channels[0] |= {"name": made.name("plan"), "topic": {"value": "new topic"}}
    channels[0]["members"] = [made.id("U1"), made.id("U4")]
    made.write("channels.json", channels)
    users = json.loads((made.root / "users.json").read_text())
    users[0]["real_name"] = "兰 (married)"
    users[1]["deleted"] = True
    made.write("users.json", users)

    done, _ = await _brought(cli, made.root)
    assert (done["messages"], done["changed"], done["kept"], done["refused"]) == (1, 3, 1, 0)
    assert done["conversations_changed"] == 1
    again, _ = await _brought(cli, made.root)
    assert (again["messages"], again["changed"], again["conversations_changed"]) == (0, 0, 0)

    handle = made.name("lan")
    await become(handle)
    history = (await cli("--as", handle, "history", made.name("plan"), "--json")).json
    assert [message.get("text", "") for message in history] == ["one", "two, edited", "", "four"]
    assert [each["emoji"] for each in history[0]["reactions"]] == ["👀"]
    assert history[2]["recalled"]
    views = (await cli("--as", handle, "conversations", "list", "--json")).json
    (view,) = [each for each in views if each["conversation"]["name"] == made.name("plan")]
    assert view["conversation"]["topic"] == "new topic"
    assert view["conversation"]["member_count"] == 2
    direct = (await cli("--as", handle, "history", f"@{made.name('bo')}", "--json")).json
    assert [message["text"] for message in direct] == ["between us"]


@pytest.mark.timeout(120)
async def test_msg_03_an_import_that_was_killed_goes_on_without_a_duplicate(
    cli, workspace, become, people
):
    made, count, start = workspace, 6_000, 1_600_000_000
    general = made.name("general")
    for day in range(6):
        date = time.strftime("%Y-%m-%d", time.gmtime(start + day * 86_400))
        lines = [made.said(start + day * 86_400 + n, f"day {day} no {n}") for n in range(1_000)]
        made.write(f"{general}/{date}.json", lines)

    root = people["root"]

    async def stored():
        status = await root.call(root.messaging.GetMessagingStatus, GetMessagingStatusRequest())
        return status.messages

    before = await stored()
    process = await cli.begin("--as", "root", "import", "slack", str(made.root))

    async def some():
        return await stored() > before

    await eventually(some, within=30, every=0.02)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    partly = await stored() - before
    assert 0 < partly < count

    done, _ = await _brought(cli, made.root)
    assert done["messages"] + done["skipped"] == count
    assert done["skipped"] >= partly
    await become(made.name("lan"))
    (view,) = [
        view
        for view in (await cli("--as", made.name("lan"), "conversations", "list", "--json")).json
        if view["conversation"]["name"] == general
    ]
    assert view["conversation"]["last_seq"] == count
    page = await cli(
        "--as", made.name("lan"), "history", general, "--after", "0", "--limit", "500", "--json"
    )
    assert [message["text"] for message in page.json] == [f"day 0 no {n}" for n in range(500)]


@pytest.mark.alone
@pytest.mark.skipif(not REAL_EXPORT.is_file(), reason=f"the real export is not here: {REAL_EXPORT}")
@pytest.mark.timeout(360)
async def test_a_real_company_moves_in_within_90_seconds_and_finds_its_words_seconds_later(
    cli, platform, become
):
    began = time.monotonic()
    async with asyncio.timeout(180):
        process = await cli.begin("--as", "root", "import", "slack", str(REAL_EXPORT), "--json")
        out, err = await process.communicate()
    took = time.monotonic() - began
    assert process.returncode == 0, err.decode()
    done = json.loads(out)
    assert (done["people"], done["conversations"], done["messages"]) == (245, 2, 16_466)
    assert (done["skipped"], done["refused"]) == (0, 0)
    assert took <= 90

    with slack.open_export(REAL_EXPORT) as export:
        workspace = slack.survey(export, now=SystemClock().now(), problems=slack.Problems())
    one, other = (set(channel.members) for channel in workspace.channels)
    both = min(one & other)
    handle = workspace.people[both].handle
    await become(handle)
    views = (await cli("--as", handle, "conversations", "list", "--json")).json
    last = {view["conversation"]["id"]: view["conversation"]["last_seq"] for view in views}
    assert (len(last), sum(last.values())) == (2, 16_466)

    async with AsyncOpenSearch(platform.urls.opensearch) as index:

        async def everything():
            there = await _indexed(index, last)
            assert there == last
            return there

        # Four seconds on an idle machine, a minute beside other tests.
        await eventually(everything, within=120, every=0.2)

    again, _ = await _brought(cli, REAL_EXPORT)
    assert (again["people_created"], again["conversations_created"]) == (0, 0)
    assert (again["messages"], again["skipped"]) == (0, 16_466)

    answer = (await cli("--as", handle, "search", "macro", "--json", "--limit", "100")).json
    assert len({hit["conversation_id"] for hit in answer["hits"]}) == 2
    assert answer["total"] > 100
    outside = (await cli("--as", "otto", "search", "macro", "--json")).json
    assert (outside["total"], outside["hits"]) == (0, [])


async def _indexed(index: AsyncOpenSearch, conversation_ids: Iterable[str]) -> dict[str, int]:
    """Count the indexed messages of each conversation; messages of other tests do not count."""
    counted = {}
    for each in conversation_ids:
        query = {"query": {"term": {"conversation_id": each}}}
        counted[each] = (await index.count(index="plexus-messages", body=query))["count"]
    return counted
