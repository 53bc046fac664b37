"""Available peers by their names on the command line."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from plexus_bench.peers.ejabberd import Ejabberd
from plexus_bench.peers.synapse import Synapse
from plexus_bench.system import System


class Peer(System, Protocol):
    """A third-party system.

    Attributes:
        rows_read: Number of rows of its tables that `stored` has read and compared so far.
    """

    rows_read: int


PEERS: Final[Mapping[str, type[Peer]]] = {"ejabberd": Ejabberd, "synapse": Synapse}


def peers(names: Sequence[str]) -> list[Peer]:
    """Create the peers with these names without starting them."""
    return [PEERS[name]() for name in names]
