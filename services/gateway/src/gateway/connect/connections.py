"""Bound per network address on connections without an identified caller (GW-13)."""

from collections.abc import Callable
from typing import Final

from gateway.connect.asgi import Scope
from gateway.limits import LIMITED, MethodClass, Strangers, Uses

_LIMIT: Final = "connections"


class Connections:
    """Counts the open connections of each network until a caller is identified on them.

    Signed-in people are counted by their calls and streams, however many share an address. Trusted
    proxies bound their clients themselves.
    """

    def __init__(self, strangers: Strangers, *, maximum: int, allowance: int) -> None:
        """Set the bounds.

        Args:
            strangers: knows networks.
            maximum: connections of one address.
            allowance: multiple of that for an address of a company network.
        """
        self._strangers = strangers
        self._uses = Uses(maximum)
        self._of_company = Uses(maximum * allowance)
        # By the client's address and port: the count of the connection.
        self._counted: dict[str, tuple[Uses, str]] = {}

    def opened(self, client: str) -> bool:
        """Count a connection; False when its network has too many, and it should be closed."""
        if self._strangers.is_trusted(client):
            return True
        network = self._strangers.networks.of(client)
        uses = self._of_company if self._strangers.is_company(network) else self._uses
        if not uses.enter(network):
            LIMITED.labels(_LIMIT, MethodClass.PUBLIC).inc()
            return False
        self._counted[client] = (uses, network)
        return True

    def done(self, client: str | None) -> None:
        """Stop counting a connection: it is closed, or its caller is known."""
        counted = self._counted.pop(client, None) if client else None
        if counted is not None:
            uses, network = counted
            uses.leave(network)

    def __len__(self) -> int:
        return len(self._counted)


def client_of(scope: Scope) -> str | None:
    """Return the address and port of a request's connection, as connections are counted by."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else None


Known = Callable[[str | None], None]
"""Called with the address and port of a connection on which a caller was identified."""
