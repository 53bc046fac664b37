"""The owners behind their Authority."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from plexus.authz.v1 import authority_pb2 as pb
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexuskit.containers import read_containers

from search.domain.access import Interval, readable
from search.domain.documents import container
from search.queries import Answer, Reader, Reference

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    import grpc
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub


class AuthorityOwner:
    """Asks one service's Authority."""

    def __init__(self, channel: "grpc.aio.Channel", *, timeout_seconds: float) -> None:
        self._authority: AuthorityAsyncStub = AuthorityStub(channel)
        self._timeout = timeout_seconds

    async def readable(self, reader: Reader, *, known_version: str) -> Answer:
        """Query the containers that the person may read now.

        Raises:
            DependencyDown: the owner does not answer in time.
        """
        response = await read_containers(
            partial(self._authority.ReadableContainers, timeout=self._timeout),
            pb.ReadableContainersRequest(
                tenant_id=reader.tenant_id,
                person_id=reader.person_id,
                known_version=known_version,
            ),
            owner="authority",
        )
        if response.unchanged:
            return Answer(version=response.version, readable=None)
        return Answer(
            version=response.version,
            readable=readable(
                (container(each.kind, each.id), _intervals(each.intervals))
                for each in response.containers
            ),
        )

    async def recheck(self, reader: Reader, references: Sequence[Reference]) -> list[bool]:
        """Ask which objects the person may read now.

        Raises:
            DependencyDown: the owner does not answer in time.
        """
        response = await self._authority.Recheck(
            pb.RecheckRequest(
                tenant_id=reader.tenant_id,
                person_id=reader.person_id,
                refs=[
                    pb.ObjectRef(
                        kind=each.kind, id=each.id, container_id=each.container_id, seq=each.seq
                    )
                    for each in references
                ],
            ),
            timeout=self._timeout,
        )
        return [verdict.readable for verdict in response.verdicts]


def _intervals(intervals: Iterable[pb.Interval]) -> tuple[Interval, ...]:
    return tuple(Interval(first=each.first_seq, last=each.last_seq) for each in intervals)
