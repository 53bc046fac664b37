"""The real peers: a pair and a room each, checked message by message."""

import pytest
from plexus_bench.peers.catalogue import PEERS
from plexus_bench.run import Timing, measure
from plexus_bench.shapes import Shape
from plexus_local.servers import ToolMissing, process_started

SHAPES = (
    Shape(name="pairs", meaning="2 pairs", pairs=2),
    Shape(name="room", meaning="room of 3", members=3, senders=2, rate=5),
)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PEERS)
async def test_a_peer_stores_and_delivers_everything_that_it_acknowledges(name) -> None:
    system = PEERS[name]()
    try:
        try:
            await system.start()
        except ToolMissing as missing:
            pytest.skip(str(missing))
        for shape in SHAPES:
            row = await measure(system, shape, Timing(warm_up=0.5, measured=1.0))

            assert row.violations == []
            assert row.failures == []
            assert row.messages_per_second > 0
            assert row.cpu_total > 0
        assert system.rows_read > 0
        pids = list(system.processes().values())
    finally:
        await system.stop()
    assert [process_started(pid) for pid in pids] == [None, None]
