"""RPCs of every service, forwarded unchanged to their owners."""

from plexuskit.grpc.frame import CallAborted

from gateway.proxy.calls import Call, Calls
from gateway.proxy.forwarding import Forwarding, Many, Once
from gateway.proxy.handlers import Handlers, forwarded_methods
from gateway.proxy.owners import Owners, owners
from gateway.proxy.refusals import RequestUnreadable
from gateway.proxy.server import serve

__all__ = [
    "Call",
    "CallAborted",
    "Calls",
    "Forwarding",
    "Handlers",
    "Many",
    "Once",
    "Owners",
    "RequestUnreadable",
    "forwarded_methods",
    "owners",
    "serve",
]
