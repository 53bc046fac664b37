"""Gateways with different rings: sequence numbers decide the order, not the routing."""

import pytest
from plexus_testkit.faults import world
from plexus_testkit.faults.points import GATEWAYS, MESSAGING
from plexus_testkit.wait import eventually

ENOUGH = 60
PEERS = "GATEWAY_PEERS__MESSAGING"


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_msg_1_two_processes_write_every_conversation_and_the_ring_turns_in_mid_stream(
    tmp_path,
):
    async with world(tmp_path, seed="rings") as whole:
        platform, told = whole.platform, whole.company.ledger.answered
        first, second = (platform.address_of(name) for name in MESSAGING)
        # Each gateway knows one process alone: both write all the time. Then they swap, one after
        # the other, and in the end both know both.
        rings = [
            ("gateway", first),
            ("gateway-2", second),
            ("gateway", second),
            ("gateway-2", first),
            ("gateway", f"{first},{second}"),
            ("gateway-2", f"{first},{second}"),
        ]
        async with whole.working():
            for gateway, peers in rings:
                await platform[gateway].end()
                await platform[gateway].begin(**{PEERS: peers})
                for device in whole.company.devices:
                    device.roam()
                wanted = len(told) + ENOUGH
                await eventually(lambda wanted=wanted: len(told) >= wanted, within=60)
                await whole.check_logs()
        await whole.end()

    assert whole.holes == []
    assert set(GATEWAYS) == {gateway for gateway, _ in rings}
