"""People and conversations of the cycles: each person has a device, conversations come in eras."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from gateway.live.rendezvous import choose
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import CreateConversationRequest
from plexus_sdk import Plexus

from plexus_testkit.faults.actions import Room
from plexus_testkit.faults.calls import insist
from plexus_testkit.faults.device import Device
from plexus_testkit.faults.ledger import Ledger
from plexus_testkit.faults.points import GATEWAYS, MESSAGING
from plexus_testkit.harness import PASSWORD, Platform

NAMES: Final = ("ann", "bob", "chen", "dora")
GUEST: Final = "eve"
ROOMS: Final = 3
OPTIONS: Final = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    # Each device has a connection of its own.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass
class Company:
    """All people, signed in and subscribed."""

    platform: Platform
    ledger: Ledger
    people: list[Device]
    guest: Device

    @property
    def devices(self) -> list[Device]:
        """Devices of all people, the guest included."""
        return [*self.people, self.guest]

    async def new_rooms(self, count: int = ROOMS) -> list[Room]:
        """Make conversations that all know; each process of messaging owns one at least."""
        endpoints = [self.platform.address_of(name) for name in MESSAGING]
        rooms: list[Room] = []
        owners: set[str] = set()
        while len(rooms) < count or len(owners) < len(endpoints):
            owner = self.people[len(rooms) % len(self.people)]
            room = await self._new_room(owner)
            rooms.append(room)
            owners.add(choose(room.id, endpoints))
        return rooms

    async def _new_room(self, owner: Device) -> Room:
        request = CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=Conversation.KIND_GROUP,
            name="cycles",
            member_ids=[each.person_id for each in self.people if each is not owner],
        )
        create = owner.plexus.messaging.CreateConversation
        response = await insist(owner.plexus, create, request, ledger=self.ledger)
        room = Room(response.conversation.id, owner, self.people, self.guest)
        for device in self.devices:
            device.watch(room.id)
        # Parts of the first event arrived before any device watched.
        await asyncio.gather(*(device.catch_up([room.id]) for device in self.devices))
        return room

    def leave(self, rooms: Sequence[Room]) -> None:
        """Drop conversations that are verified completely."""
        for room in rooms:
            for device in self.devices:
                del device.held[room.id]
        self.ledger.forget({room.id for room in rooms})


@contextlib.asynccontextmanager
async def company(platform: Platform) -> AsyncIterator[Company]:
    """Make people, sign them in through either gateway, and keep their devices running.

    Raises:
        Violation: at the end, when a device was shown what must not be.
    """
    handles = await platform.new_people(*NAMES, GUEST)
    ledger = Ledger()
    async with contextlib.AsyncExitStack() as stack:
        devices = []
        for name, handle in handles.items():
            plexus = await stack.enter_async_context(_signed_in(platform, handle))
            device = Device(plexus, ledger, comes_and_goes=name == GUEST)
            devices.append(await stack.enter_async_context(device.running()))
        yield Company(platform, ledger, devices[:-1], devices[-1])


@contextlib.asynccontextmanager
async def _signed_in(platform: Platform, handle: str) -> AsyncIterator[Plexus]:
    """Sign a person in whose calls and streams go to every reachable gateway in turn."""
    target = f"ipv4:{','.join(platform.address_of(name) for name in GATEWAYS)}"
    async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
        request = SignInRequest(handle=handle, password=PASSWORD, device="fault cycles")
        response = await SessionServiceStub(channel).SignIn(
            request, timeout=20, wait_for_ready=True
        )
        yield platform.connection(channel, response, handle=handle, url=target)
