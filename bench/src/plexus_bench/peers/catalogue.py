"""Which peers there are, by the names of the command line."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from plexus_bench.peers.ejabberd import Ejabberd
from plexus_bench.peers.synapse import Synapse
from plexus_bench.system import System


class Peer(System, Protocol):
    """A system that somebody else has made.

    Attributes:
        rows_read: How many rows of its tables `stored` has read and compared so far.
    """

    rows_read: int


PEERS: Final[Mapping[str, type[Peer]]] = {"ejabberd": Ejabberd, "synapse": Synapse}


def peers(names: Sequence[str]) -> list[Peer]:
    """Make the peers of these names; nothing is started."""
    return [PEERS[name]() for name in names]
