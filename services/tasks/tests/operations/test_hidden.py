"""A task or project of others and one that does not exist: the same in everything (GW-2)."""

import pytest
from plexuskit.errors import Refusal
from tasks import queries

NEVER = {"task": "tsk_01JZZZZZZZZZZZZZZZZZZZZZZZ", "project": "prj_01JZZZZZZZZZZZZZZZZZZZZZZZ"}
READS = {
    "task": lambda store, actor, id_: queries.get_task(store, actor=actor, task_id=id_),
    "history": lambda store, actor, id_: queries.list_task_history(
        store, actor=actor, task_id=id_, page_size=10, page_token=""
    ),
    "board": lambda store, actor, id_: queries.get_board(store, actor=actor, project_id=id_),
}


def shapes(commands):
    """Return the shapes of queries without ids: the project of a task must not be revealed."""
    return [
        {key: sorted(value) if key == "filter" else value for key, value in each.items()}
        for each in commands
    ]


@pytest.mark.parametrize("read", READS)
async def test_gw_02_reads_ask_the_store_the_same(commands, store, person, project, add_task, read):
    eve = person("eve")
    task = await add_task(project_id=project.id)
    hidden = project.id if read == "board" else task.id
    absent = NEVER["project" if read == "board" else "task"]
    heard, told = [], []
    for id_ in (hidden, absent):

        async def ask(id_=id_):
            return await READS[read](store, eve, id_)

        heard.append(await commands.of(ask, without={id_: "ID", project.id: "PROJECT"}))
        with pytest.raises(Refusal) as refused:
            await ask()
        told.append((refused.value.kind, refused.value.reason, refused.value.text))
    assert heard[0]
    assert told[0] == told[1]
    assert shapes(heard[0]) == shapes(heard[1])


async def test_gw_02_a_task_of_no_project_is_hidden_alike(commands, store, person, add_task):
    eve, heard = person("eve"), []
    task = await add_task()
    for id_ in (task.id, NEVER["task"]):

        async def ask(id_=id_):
            return await READS["task"](store, eve, id_)

        heard.append(shapes(await commands.of(ask, without={id_: "ID"})))
    assert heard[0] == heard[1]
