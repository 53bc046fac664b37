from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plexuskit.errors import InvalidArgument, Refusal, VersionConflict
from tasks.domain import steps
from tasks.domain.boards import target
from tasks.domain.dues import DueAt, DueOn
from tasks.domain.history import CREATED, OVERDUE, TRACKED, Changed
from tasks.domain.identity import Actor, PersonId, ProjectId, TaskId, TenantId
from tasks.domain.projects import Project, create_project
from tasks.domain.refusals import (
    ColumnNotFound,
    ColumnStateMismatch,
    OwnerRequired,
    PersonNotInProject,
    TaskNotOnBoard,
    TooManyAssignees,
    TransitionNotAllowed,
)
from tasks.domain.states import Priority, State
from tasks.domain.steps import Edit, NewTask, Place
from tasks.domain.task import Task
from tasks.domain.visibility import may_see

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
ANN = Actor(tenant_id=TenantId("ten_a"), person_id=PersonId("per_ann"))
PEOPLE = ("per_ann", "per_bo", "per_cy")


def overdue(task: Task, *, now: datetime) -> Changed:
    """Mark a task overdue whose responsible people live in one zone."""
    deadline = task.due.deadline(zone=ZONE) if task.due else None
    return steps.mark_overdue(task, deadline=deadline, now=now)


def new_task(*, project: Project | None = None, **fields: object) -> Task:
    new = NewTask(**{"title": "Order desks", **fields})  # type: ignore[arg-type]  # any field
    place = Place(state=State.TODO)
    made = steps.create(
        task_id=TaskId("tsk_1"),
        number=128,
        actor=ANN,
        new=new,
        project=project,
        place=place,
        now=NOW,
    )
    return made.task


def project_of(*members: str) -> Project:
    return create_project(
        project_id=ProjectId("prj_1"),
        actor=ANN,
        name="Move",
        goal="",
        member_ids=members,
        now=NOW,
    )


actions = st.lists(
    st.one_of(
        st.tuples(st.just("title"), st.sampled_from(["Order desks", "Order chairs", "Sell desks"])),
        st.tuples(st.just("priority"), st.sampled_from(Priority)),
        st.tuples(st.just("owner"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("due"), st.sampled_from([DueOn(date(2026, 3, 2)), DueAt(NOW), None])),
        st.tuples(st.just("assign"), st.lists(st.sampled_from(PEOPLE), max_size=4)),
        st.tuples(st.just("move"), st.sampled_from(State)),
        st.tuples(st.just("overdue"), st.none()),
    ),
    max_size=25,
)


def act(task: Task, *, action: str, value: object, now: datetime) -> Changed:
    match action:
        case "title" | "priority" | "due":
            edit = Edit(clear_due=True) if value is None else Edit(**{action: value})  # type: ignore[arg-type]  # by name
            return steps.edit(task, what=edit, project=None, actor_id=ANN.person_id, now=now)
        case "owner":
            edit = Edit(owner_id=str(value))
            return steps.edit(task, what=edit, project=None, actor_id=ANN.person_id, now=now)
        case "assign":
            return steps.assign(
                task,
                assignee_ids=list(value),  # type: ignore[call-overload]  # a list by construction
                project=None,
                actor_id=ANN.person_id,
                now=now,
            )
        case "move":
            place = Place(state=State(value))
            return steps.move(task, place=place, actor_id=ANN.person_id, now=now)
        case _:
            return overdue(task, now=now + timedelta(days=1))


@given(script=actions)
def test_tsk_01_history_is_complete_dense_and_ends_at_the_present_state(
    script: list[tuple[str, object]],
) -> None:
    born = steps.create(
        task_id=TaskId("tsk_1"),
        number=1,
        actor=ANN,
        new=NewTask(title="Order desks"),
        project=None,
        place=Place(state=State.TODO),
        now=NOW,
    )
    task, history = born.task, list(born.changes)
    shown = {field: value_of(born.task) for field, value_of in TRACKED.items()}
    for minute, (action, value) in enumerate(script):
        try:
            changed = act(task, action=action, value=value, now=NOW + timedelta(minutes=minute))
        except TransitionNotAllowed:
            continue
        assert changed.task.version == task.version + bool(changed.changes)
        assert changed.task.updated_at >= task.updated_at
        history += changed.changes
        task = changed.task

    assert history[0].field == CREATED
    for change in history[1:]:
        assert change.from_value == shown[change.field], "each change goes on from the last one"
        assert change.from_value != change.to_value
        shown[change.field] = change.to_value
    assert shown == {field: value_of(task) for field, value_of in TRACKED.items()}
    assert sorted({change.version for change in history}) == list(range(1, task.version + 1))
    assert all(
        earlier.version <= later.version and earlier.at <= later.at
        for earlier, later in pairwise(history)
    )
    assert (task.completed_at is not None) == (task.state is State.DONE)
    assert task.owner_id, "exactly one accountable owner (TSK-2)"


@given(script=actions)
def test_tsk_01_a_repeated_step_changes_nothing(script: list[tuple[str, object]]) -> None:
    task = new_task()
    for action, value in script:
        try:
            task = act(task, action=action, value=value, now=NOW).task
        except TransitionNotAllowed:
            continue
        again = act(task, action=action, value=value, now=NOW + timedelta(hours=1))
        assert again.task == task
        assert not again.changes


@given(moves=st.lists(st.integers(min_value=-500, max_value=500), min_size=1, max_size=12))
def test_tsk_03_overdue_is_announced_once_per_due_value(moves: list[int]) -> None:
    task = new_task()
    announced = []
    for number, minutes in enumerate(moves):
        due = DueAt(NOW + timedelta(minutes=minutes, milliseconds=number))
        edit = Edit(due=due)
        task = steps.edit(task, what=edit, project=None, actor_id=ANN.person_id, now=NOW).task
        for _ in range(3):
            changed = overdue(task, now=NOW)
            task = changed.task
            announced += [change.to_value for change in changed.changes]
        assert (task.overdue_for == due.text) == (due.at <= NOW)

    assert len(announced) == len(set(announced))


def test_tsk_03_an_all_day_task_is_overdue_from_the_end_of_the_day_in_the_zone() -> None:
    task = new_task(due=DueOn(date(2026, 3, 2)))
    end = datetime(2026, 3, 2, 16, tzinfo=UTC)

    before = overdue(task, now=end - timedelta(milliseconds=1))
    after = overdue(task, now=end)

    assert not before.changes
    assert [change.field for change in after.changes] == [OVERDUE]
    assert after.task.overdue_for == "2026-03-02"
    assert after.task.updated_at == task.updated_at, "it is no work on the task"


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED])
def test_tsk_03_closed_tasks_are_not_overdue_and_reopened_ones_not_announced_again(
    state: State,
) -> None:
    task = replace(new_task(due=DueAt(NOW)), state=state)
    assert not overdue(task, now=NOW).changes

    announced = overdue(replace(task, state=State.DOING), now=NOW).task
    reopened = replace(announced, state=State.TODO)
    assert not overdue(reopened, now=NOW + timedelta(days=9)).changes


def test_tsk_02_the_owner_is_the_maker_unless_named_and_never_nobody() -> None:
    task = new_task()
    assert task.owner_id == "per_ann"
    assert new_task(owner_id="per_bo").owner_id == "per_bo"

    with pytest.raises(OwnerRequired):
        steps.edit(task, what=Edit(owner_id=""), project=None, actor_id=ANN.person_id, now=NOW)


def test_tsk_01_a_stale_version_is_refused_and_zero_never() -> None:
    task = replace(new_task(), version=7)

    steps.check_version(task, expected=7)
    steps.check_version(task, expected=0)
    with pytest.raises(VersionConflict):
        steps.check_version(task, expected=6)
    with pytest.raises(InvalidArgument):
        steps.check_version(task, expected=-1)


def test_gw_02_owner_and_assignees_of_a_project_task_are_members() -> None:
    project = project_of("per_bo")
    assert new_task(project=project, owner_id="per_bo").owner_id == "per_bo"
    task = new_task(project=project)

    for refused in (
        lambda: new_task(project=project, owner_id="per_cy"),
        lambda: new_task(project=project, assignee_ids=("per_bo", "per_cy")),
        lambda: steps.edit(
            task,
            what=Edit(owner_id="per_cy"),
            project=project,
            actor_id=ANN.person_id,
            now=NOW,
        ),
        lambda: steps.assign(
            task, assignee_ids=["per_cy"], project=project, actor_id=ANN.person_id, now=NOW
        ),
    ):
        with pytest.raises(PersonNotInProject) as outcome:
            refused()
        assert outcome.value.metadata["person_id"] == "per_cy"


def test_an_edit_that_sets_and_clears_the_due_value_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        steps.edit(
            new_task(),
            what=Edit(due=DueAt(NOW), clear_due=True),
            project=None,
            actor_id=ANN.person_id,
            now=NOW,
        )


def test_added_assignees_are_those_who_were_not_before() -> None:
    task = new_task(assignee_ids=("per_ann", "per_bo"))

    changed = steps.assign(
        task,
        assignee_ids=["per_cy", "per_bo"],
        project=None,
        actor_id=ANN.person_id,
        now=NOW,
    )

    assert changed.added_assignee_ids == ("per_cy",)
    with pytest.raises(TooManyAssignees):
        steps.assign(
            task,
            assignee_ids=[f"per_{number}" for number in range(51)],
            project=None,
            actor_id=ANN.person_id,
            now=NOW,
        )


def test_gw_02_a_loose_task_is_seen_by_who_takes_part_and_a_project_task_by_members() -> None:
    loose = new_task(owner_id="per_bo", assignee_ids=("per_cy",))
    project = project_of("per_bo")
    inside = new_task(project=project)

    assert [may_see(loose, project=None, person_id=who) for who in (*PEOPLE, "per_x")] == [
        True,
        True,
        True,
        False,
    ]
    assert [may_see(inside, project=project, person_id=who) for who in PEOPLE] == [
        True,
        True,
        False,
    ]
    assert not may_see(inside, project=None, person_id="per_ann")


def on_board(task: Task, **asked: object) -> object:
    fields = {"state": None, "column_id": "", "after_task_id": "", **asked}
    return target(task, project=project_of(), **fields)  # type: ignore[arg-type]  # any field


def test_tsk_06_a_move_goes_to_the_first_column_of_the_state_or_the_named_one() -> None:
    project = project_of()
    placed = replace(new_task(project=project), column_id="todo", rank="V")

    by_state = on_board(placed, state=State.DOING)
    by_column = on_board(placed, column_id="doing")
    in_place = on_board(placed, after_task_id="tsk_2")
    leaving = on_board(placed, state=State.CANCELLED)

    assert by_state == by_column
    assert (by_state.state, by_state.column_id) == (State.DOING, "doing")  # type: ignore[attr-defined]  # a Target
    assert (in_place.state, in_place.column_id) == (State.TODO, "todo")  # type: ignore[attr-defined]  # a Target
    assert (leaving.state, leaving.column_id) == (State.CANCELLED, "")  # type: ignore[attr-defined]  # a Target


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({}, InvalidArgument),
        ({"column_id": "nowhere"}, ColumnNotFound),
        ({"column_id": "doing", "state": State.DONE}, ColumnStateMismatch),
        ({"state": State.CANCELLED, "after_task_id": "tsk_2"}, TaskNotOnBoard),
    ],
)
def test_tsk_06_a_move_to_no_place_is_refused(
    asked: dict[str, object], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        on_board(replace(new_task(project=project_of()), column_id="todo", rank="V"), **asked)


def test_tsk_06_a_loose_task_has_no_place_on_a_board() -> None:
    with pytest.raises(TaskNotOnBoard):
        target(new_task(), project=None, state=State.DOING, column_id="doing", after_task_id="")
