"""Health checks: the dependencies a process needs to accept work, and their state."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from plexuskit import metrics
from plexuskit.clock import Clock, SystemClock
from plexuskit.errors import Refusal
from plexuskit.telemetry import scrubbed

log = structlog.get_logger()

_DETAIL_LIMIT = 400
_NO_REMEDY = "Look at this process's log for `health.failing` with this check's name."


@dataclass(frozen=True)
class Check:
    """The last known result of one check; `since` is when it last changed between ok and not."""

    name: str
    ok: bool
    required: bool
    detail: str
    remedy: str
    since: datetime


class Health:
    """The checks of one process.

    Failing required checks make it not ready: it gets no new work, and it is not restarted. Other
    checks are only shown.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._checks: dict[str, Check] = {}
        self._probes: dict[str, asyncio.Task[None]] = {}

    def set(
        self,
        check: str,
        ok: bool,  # noqa: FBT001 - `set("tail", False)` reads as a sentence
        detail: str = "",
        *,
        required: bool | None = None,
        remedy: str = "",
    ) -> None:
        """Record the result of a check.

        Args:
            check: its name, the same for its whole life.
            ok: whether it passes.
            detail: observation for an operator; no secrets.
            required: whether failing makes the process not ready; kept from before when not
                given, and true for a new check.
            remedy: an operator's remedy; kept from before when empty.
        """
        previous = self._checks.get(check)
        if required is None:
            required = previous.required if previous else True
        changed = previous is None or previous.ok != ok
        self._checks[check] = Check(
            name=check,
            ok=ok,
            required=required,
            detail=scrubbed(detail)[:_DETAIL_LIMIT],
            remedy=remedy or (previous.remedy if previous else ""),
            since=self._clock.now() if previous is None or changed else previous.since,
        )
        metrics.CHECK_OK.labels(check).set(ok)

        if changed and not ok:
            log.warning("health.failing", check=check, required=required, detail=detail)
        elif changed and previous is not None:
            log.info("health.recovered", check=check, required=required)

    def probe(
        self,
        check: str,
        fn: Callable[[], Awaitable[None]],
        *,
        every: float = 2.0,
        required: bool = True,
        within: float = 5.0,
        remedy: str = "",
    ) -> None:
        """Run a check again and again, until `close` or another probe of the same name.

        The check fails until its first success. A refusal's own sentence is the remedy when it
        raises one.

        Args:
            check: its name.
            fn: returns when all is well, raises what is wrong.
            every: seconds from one run's end to the next run.
            required: whether failing makes the process not ready.
            within: seconds after which a run that has not returned counts as failed.
            remedy: an operator's remedy.
        """
        previous = self._probes.pop(check, None)
        if previous is not None:
            previous.cancel()
        if check not in self._checks:
            self._checks[check] = Check(
                name=check,
                ok=False,
                required=required,
                detail="not probed yet",
                remedy=remedy,
                since=self._clock.now(),
            )

        async def run_forever() -> None:
            while True:
                problem, advice = await _probed(fn, within=within)
                advice = remedy or advice
                self.set(check, not problem, problem, required=required, remedy=advice)
                await asyncio.sleep(every)

        self._probes[check] = asyncio.create_task(run_forever(), name=f"probe {check}")

    def checks(self) -> list[Check]:
        """Return every check, by name."""
        return sorted(self._checks.values(), key=lambda check: check.name)

    def failing(self, *, required: bool) -> list[Check]:
        """Return the failing checks that are required, or those that are not, by name."""
        return [check for check in self.checks() if not check.ok and check.required is required]

    @property
    def ready(self) -> bool:
        """True if no required check fails."""
        return not self.failing(required=True)

    async def close(self) -> None:
        """End all probes; their last results stay."""
        probes = list(self._probes.values())
        self._probes.clear()
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)


async def _probed(fn: Callable[[], Awaitable[None]], *, within: float) -> tuple[str, str]:
    """Run a check once; return the problem ("" for none) and its remedy."""
    try:
        async with asyncio.timeout(within) as limit:
            await fn()
    except Refusal as refusal:
        cause = refusal.__cause__
        return f"{refusal}{f' ({describe(cause)})' if cause else ''}", refusal.message()
    except TimeoutError as error:
        late = f"no answer within {within:g} s"
        return late if limit.expired() else describe(error), _NO_REMEDY
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Something inside was cancelled, not this probe: a failure like any other.
        return "the check was cancelled from inside", _NO_REMEDY
    except Exception as error:  # noqa: BLE001 - any error is the result of the check
        return describe(error), _NO_REMEDY
    return "", ""


def describe(error: BaseException) -> str:
    """Return an exception in one line: its type and its text, without URL passwords."""
    words = " ".join(scrubbed(str(error)).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
