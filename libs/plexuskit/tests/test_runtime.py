import asyncio
from datetime import timedelta

from plexus_testkit.clock import FrozenClock
from plexus_testkit.wait import eventually
from plexuskit import ops
from plexuskit.config import OpsSection
from plexuskit.errors import DependencyDown
from plexuskit.health import Health
from plexuskit.runtime import InvariantBroken
from plexuskit.service import Runtime


async def test_a_runtime_needs_no_process(runtime: Runtime) -> None:
    assert runtime.service == "test"
    assert not runtime.stopping.is_set()
    assert runtime.health.ready
    assert runtime.clock.now().tzinfo is not None


async def test_a_spawned_task_that_returns_changes_nothing(runtime: Runtime) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    runtime.spawn("work", work())
    await done.wait()
    await asyncio.sleep(0)

    assert not runtime.stopping.is_set()


async def test_a_spawned_task_that_dies_stops_the_process_with_one(runtime: Runtime) -> None:
    async def work() -> None:
        raise KeyError("lost")

    runtime.spawn("work", work())
    async with asyncio.timeout(60):
        await runtime.stopping.wait()

    assert runtime.exit_code == 1


async def test_a_task_cancelled_by_anyone_but_its_runtime_has_died(runtime: Runtime) -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    runtime.spawn("work", work())
    async with asyncio.timeout(60):
        await runtime.stopping.wait()

    assert runtime.exit_code == 1


async def test_close_ends_what_still_runs(runtime: Runtime) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    runtime.spawn("work", work())
    await asyncio.sleep(0)
    await runtime.close()

    assert ended.is_set()
    assert runtime.exit_code == 0


async def test_a_background_task_ends_with_its_block(runtime: Runtime) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with runtime.background("work", work()):
        await asyncio.sleep(0)
        assert not ended.is_set()

    assert ended.is_set()
    assert not runtime.stopping.is_set()


async def test_drain_callbacks_run_in_reverse_whatever_one_of_them_does(runtime: Runtime) -> None:
    order: list[str] = []

    async def first() -> None:
        order.append("first")

    async def failing() -> None:
        order.append("failing")
        raise RuntimeError("no")

    async def hanging() -> None:
        order.append("hanging")
        await asyncio.Event().wait()

    for callback in (first, failing, hanging):
        runtime.on_drain(callback)
    await runtime.drain(share=lambda: 0.05)

    assert order == ["hanging", "failing", "first"]
    assert runtime.exit_code == 1


def test_a_check_that_is_set_makes_ready_or_not_and_keeps_its_terms() -> None:
    health = Health()

    health.set("tail", False, "behind by 9", required=False, remedy="Wait.")
    health.set("tail", False, "behind by 8")
    assert health.ready
    [check] = health.failing(required=False)
    assert (check.detail, check.remedy) == ("behind by 8", "Wait.")

    health.set("keys", False)
    assert not health.ready
    health.set("keys", True)
    assert health.ready


def test_since_is_the_moment_of_the_change(clock: FrozenClock) -> None:
    health = Health(clock=clock)
    failed_at = clock.now()

    health.set("keys", False, "one")
    clock.advance(timedelta(seconds=9))
    health.set("keys", False, "two")
    [failing] = health.checks()
    health.set("keys", True)
    [passing] = health.checks()

    assert (failing.detail, failing.since) == ("two", failed_at)
    assert passing.since == clock.now()


async def test_a_probe_fails_until_its_first_success(runtime: Runtime) -> None:
    open_gate = asyncio.Event()
    runtime.health.probe("backend", lambda: _wait(open_gate), every=0.01)
    assert not runtime.health.ready

    open_gate.set()

    assert await eventually(lambda: runtime.health.ready)


async def _wait(gate: asyncio.Event) -> None:
    await gate.wait()


async def test_a_probe_that_hangs_counts_as_failed(runtime: Runtime) -> None:
    runtime.health.probe("backend", lambda: _wait(asyncio.Event()), every=0.01, within=0.02)

    def detail() -> str:
        [check] = runtime.health.failing(required=True)
        return check.detail

    assert await eventually(lambda: detail() == "no answer within 0.02 s")


async def test_a_probe_survives_whatever_its_check_raises(runtime: Runtime) -> None:
    outcomes: list[BaseException | None] = [
        asyncio.CancelledError(),
        TimeoutError("its own"),
        RuntimeError("no"),
        None,
    ]

    async def ping() -> None:
        outcome = outcomes.pop(0) if len(outcomes) > 1 else None
        if outcome is not None:
            raise outcome

    runtime.health.probe("backend", ping, every=0.01)

    assert await eventually(lambda: runtime.health.ready)


async def test_a_refusal_tells_its_remedy_and_its_cause(runtime: Runtime) -> None:
    async def ping() -> None:
        raise DependencyDown(dependency="mongo") from OSError("connection refused")

    runtime.health.probe("mongo", ping, every=0.01)

    def told() -> bool:
        [check] = runtime.health.failing(required=True)
        return "connection refused" in check.detail

    assert await eventually(told)
    [check] = runtime.health.failing(required=True)
    assert check.remedy == DependencyDown().message()


async def test_readiness_names_the_stop_first(runtime: Runtime) -> None:
    runtime.health.set("keys", False, "missing", remedy="Mount them.")
    runtime.stop()

    answer = ops.readiness(runtime)

    assert answer["ready"] is False
    assert isinstance(answer["failing"], list)
    assert [check["check"] for check in answer["failing"]] == ["stopping", "keys"]
    assert answer["failing"][1]["remedy"] == "Mount them."


async def test_the_ops_server_chooses_a_port_for_zero(runtime: Runtime) -> None:
    async with ops.serve(OpsSection(port=0), runtime=runtime) as port:
        assert port > 0


async def test_kept_work_is_run_again_after_anything_unexpected_and_shown_as_degraded(
    runtime: Runtime,
) -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise KeyError("an owner answered INTERNAL")
        await asyncio.Event().wait()

    async with runtime.kept("work", work):
        await eventually(lambda: runs == 3)
        assert not runtime.stopping.is_set()
        assert runtime.health.ready
        (shown,) = runtime.health.failing(required=False)
        assert (shown.name, shown.detail) == (
            "task.work",
            "KeyError: 'an owner answered INTERNAL'",
        )
    assert runtime.exit_code == 0


async def test_kept_work_that_breaks_an_invariant_stops_the_process(runtime: Runtime) -> None:
    async def work() -> None:
        raise InvariantBroken("two owners of one lane")

    async with runtime.kept("work", work):
        await eventually(runtime.stopping.is_set)
    assert runtime.exit_code == 1
