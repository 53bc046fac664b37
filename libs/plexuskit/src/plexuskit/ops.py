"""The operator's HTTP server: /livez, /readyz and /metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from plexuskit.config import OpsSection
from plexuskit.health import Check
from plexuskit.runtime import Runtime


@asynccontextmanager
async def serve(section: OpsSection, *, runtime: Runtime) -> AsyncIterator[int]:
    """Answer on the section's host and port; yield the port, chosen by the system for port 0.

    - /livez: 200 as long as the loop turns. It asks no backend: restarting this process mends none.
    - /readyz: 200, or 503 with the failing required checks; 503 from the start of a stop.
    - /metrics: what Prometheus scrapes.

    Raises:
        OSError: the address cannot be listened on.
    """

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"alive": True, "service": runtime.service})

    async def readyz(_: web.Request) -> web.Response:
        answer = readiness(runtime)
        status = HTTPStatus.OK if answer["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(answer, status=status)

    app = web.Application()
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", make_aiohttp_handler())

    # A scraper's idle connection must not hold up a stop.
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, section.host, section.port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def readiness(runtime: Runtime) -> dict[str, object]:
    """Return the body of /readyz: `ready`, the failing required checks, the others that fail."""
    failing = [_shown(check) for check in runtime.health.failing(required=True)]
    if runtime.stopping.is_set():
        failing.insert(
            0,
            {
                "check": "stopping",
                "detail": "this process is stopping",
                "remedy": "Nothing to do: it finishes what it has begun and exits.",
            },
        )
    return {
        "ready": not failing,
        "service": runtime.service,
        "failing": failing,
        "degraded": [_shown(check) for check in runtime.health.failing(required=False)],
    }


def _shown(check: Check) -> dict[str, str]:
    return {
        "check": check.name,
        "detail": check.detail,
        "remedy": check.remedy,
        "since": check.since.isoformat(timespec="milliseconds"),
    }
