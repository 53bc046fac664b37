"""The sample company as a newcomer sees it: loaded completely and searchable."""

from pathlib import Path

import pytest
from plexus.tasks.v1.tasks_pb2 import Task
from plexus.tasks.v1.tasks_service_pb2 import ListProjectsRequest, ListTasksRequest
from plexus_cli import sample
from plexus_cli.commands.status import gather
from plexus_cli.progress import progress
from plexus_local.sample_company import SAMPLE_QUERY, Notebook, move_in_sample
from plexus_testkit.wait import eventually

SAMPLES = Path(__file__).parents[3] / "samples" / "company"


FINDABLE_SECONDS = 30


@pytest.fixture(scope="module")
async def company(platform, people):
    """Load the sample company as `make demo` does; return it with its people and their password."""
    notebook = Notebook(platform.layout)
    with progress() as bars:
        loaded = await move_in_sample(people["root"], SAMPLES, notebook, bars)
    return sample.load_sample(SAMPLES), loaded, notebook.password("everybody")


@pytest.fixture(scope="module")
async def newcomer(company, cli):
    """Sign in the person with the most conversations and return their handle."""
    whole, loaded, password = company
    handle = max(
        (person.handle for person in whole.people if not person.service_account),
        key=lambda handle: loaded.seats[loaded.people[f"sample:{handle}"]],
    )
    await cli.sign_in(handle, password, profile=handle)
    return handle


async def test_everybody_and_everything_said_is_there(company, newcomer, cli):
    whole, loaded, _ = company
    assert len(loaded.people) == len(whole.people) == 61
    listed = (await cli("--as", newcomer, "people", "--json")).json
    assert set(loaded.people.values()) <= {person["id"] for person in listed}

    views = (await cli("--as", newcomer, "conversations", "list", "--json")).json
    assert len(views) == loaded.seats[loaded.people[f"sample:{newcomer}"]] > 5
    said = {
        conversation.name: len(list(conversation.messages))
        for conversation in whole.conversations
        if conversation.name
    }
    groups = [view["conversation"] for view in views if view["conversation"]["name"]]
    assert {group["name"]: group["last_seq"] for group in groups} == {
        group["name"]: said[group["name"]] for group in groups
    }


async def test_a_search_in_chinese_finds_what_the_demonstration_promises(newcomer, cli):
    async def found():
        answer = (await cli("--as", newcomer, "search", SAMPLE_QUERY, "--json")).json
        return answer["hits"]

    hits = await eventually(found, within=FINDABLE_SECONDS)
    assert any(SAMPLE_QUERY in hit["text"] for hit in hits)


async def test_every_project_has_its_tasks_in_their_states(company, platform):
    whole, _, password = company
    for project in whole.projects:
        async with platform.signed_in(project.owner, password) as owner:
            mine = await owner.call(owner.tasks.ListProjects, ListProjectsRequest(page_size=200))
            (there,) = [each for each in mine.projects if each.name == project.name]
            request = ListTasksRequest(project_id=there.id, page_size=200)
            tasks = (await owner.call(owner.tasks.ListTasks, request)).tasks
        expected = {
            (task.title, f"STATE_{task.state.upper()}")
            for task in whole.tasks
            if task.project == project.key
        }
        assert {(task.title, Task.State.Name(task.state)) for task in tasks} == expected


async def test_loading_it_again_changes_nothing(company, platform, people):
    _, loaded, _ = company
    before = (await gather(people["root"]))["counts"]
    with progress() as bars:
        again = await move_in_sample(people["root"], SAMPLES, Notebook(platform.layout), bars)
    after = (await gather(people["root"]))["counts"]
    assert again.people == loaded.people
    kept = ("people", "conversations", "messages", "tasks")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
