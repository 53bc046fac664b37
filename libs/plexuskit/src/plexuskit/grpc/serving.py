"""The health call of another service, as a probe of a consumer asks it."""

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from plexuskit.errors import DependencyDown

AUTHORITY = "plexus.authz.v1.Authority"
_WITHIN_SECONDS = 5.0


async def check_serving(channel: grpc.aio.Channel, *, dependency: str) -> None:
    """Return once the owner behind a channel reports that its Authority serves.

    Args:
        channel: from `plexuskit.grpc.channel`.
        dependency: name of the owner, for the refusal.

    Raises:
        DependencyDown: it cannot be reached, or does not serve now.
        Refusal, RemoteFailure: it answers the health call with an error.
    """
    request = HealthCheckRequest(service=AUTHORITY)
    answer = await HealthStub(channel).Check(request, timeout=_WITHIN_SECONDS)
    if answer.status != HealthCheckResponse.SERVING:
        raise DependencyDown(dependency=dependency, problem="it does not serve")
