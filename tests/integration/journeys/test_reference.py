"""The curl examples of the API reference, run exactly as its pages show them."""

import asyncio
import base64
import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from plexus_testkit.harness import Platform

SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """The output of curl: the body and the HTTP status."""

    status: int
    body: Any

    @property
    def reason(self) -> str:
        """Return the reason of an error, from its details."""
        (info,) = (each for each in self.body["details"] if each["type"] == "google.rpc.ErrorInfo")
        value = info["value"] + "=" * (-len(info["value"]) % 4)
        return ErrorInfo.FromString(base64.b64decode(value)).reason


class Reader:
    """A reader of the reference who pastes its examples into a shell."""

    def __init__(self, platform: Platform, folder: Path, token: str) -> None:
        # This setting prints the status as well; it is not part of the example.
        (folder / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n%{http_code}"\n')
        self._env = {
            **os.environ,
            "CURL_HOME": str(folder),
            "PLEXUS_URL": platform.http_address,
            "TOKEN": token,
        }
        if platform.layout.authority.is_file():
            self._env["CURL_CA_BUNDLE"] = str(platform.layout.authority)

    async def example(self, service: str, method: str) -> str:
        """Return the command of a method as its page shows it."""
        status, page = await self._shell(f'curl "$PLEXUS_URL/docs/{service}"')
        assert status == 200
        section = page.partition(f'<h2 id="{method}">')[2].partition("</section>")[0]
        found = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", section, flags=re.DOTALL)
        assert found is not None, f"{service} has no example of {method}"
        return html.unescape(found[1])

    async def __call__(self, path: str) -> Answer:
        """Run the example of `<service>/<method>`."""
        status, body = await self._shell(await self.example(*path.split("/")))
        return Answer(status, json.loads(body))

    async def _shell(self, command: str) -> tuple[int, str]:
        """Return the status and the body of a command's response."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._env,
        )
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
        assert process.returncode == 0, f"{command}\n{err.decode()}"
        body, _, status = out.decode().rpartition("\n")
        return int(status), body


@pytest.fixture
async def reader(platform: Platform, people, tmp_path: Path) -> Reader:
    return Reader(platform, tmp_path, people["ann"].profile.access_token)


async def test_examples_that_create_something_answer_what_was_created(reader, platform, handles):
    project = await reader("plexus.tasks.v1.TasksService/CreateProject")
    assert project.status == 200
    assert project.body["project"]["name"] == "Office move"
    assert project.body["project"]["ownerId"] == platform.id_of(handles["ann"])

    task = await reader("plexus.tasks.v1.TasksService/CreateTask")
    assert task.status == 200
    assert task.body["task"]["title"] == "Check the delivered quantity"

    group = await reader("plexus.messaging.v1.MessagingService/CreateConversation")
    assert group.status == 200
    assert group.body["conversation"]["kind"] == "KIND_GROUP"

    again = await reader("plexus.messaging.v1.MessagingService/CreateConversation")
    assert again.body["deduplicated"] is True
    assert again.body["conversation"]["id"] == group.body["conversation"]["id"]


async def test_a_token_of_its_example_calls_what_its_scopes_allow(
    reader, platform, tmp_path_factory
):
    made = await reader("plexus.directory.v1.SessionService/CreateApiToken")
    assert made.status == 200
    assert made.body["secret"].startswith("plx_")

    program = Reader(platform, tmp_path_factory.mktemp("program"), made.body["secret"])
    refused = await program("plexus.tasks.v1.TasksService/ListTasks")
    assert (refused.status, refused.reason) == (403, "PERMISSION_MISSING")
    hidden = await program("plexus.messaging.v1.MessagingService/SendMessage")
    assert (hidden.status, hidden.reason) == (404, "CONVERSATION_NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "plexus.directory.v1.DirectoryService/ListPeople",
        "plexus.directory.v1.SessionService/ListSignInOptions",
        "plexus.messaging.v1.MessagingService/ListConversations",
        "plexus.notify.v1.NotifyService/GetPreferences",
        "plexus.search.v1.SearchService/Search",
        "plexus.tasks.v1.TasksService/ListTasks",
    ],
)
async def test_examples_that_read_answer(reader, path):
    assert (await reader(path)).status == 200


async def test_an_error_is_one_that_the_page_names(reader):
    answer = await reader("plexus.tasks.v1.TasksService/GetTask")
    assert (answer.status, answer.body["code"]) == (404, "not_found")
    assert answer.reason == "TASK_NOT_FOUND"


async def test_a_sign_in_with_a_wrong_password_is_refused_as_its_page_says(reader):
    answer = await reader("plexus.directory.v1.SessionService/SignIn")
    assert (answer.status, answer.reason) == (401, "SIGN_IN_REFUSED")
