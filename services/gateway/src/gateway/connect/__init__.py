"""HTTP: the Connect protocol for browsers, SCIM for HR feeds."""

from gateway.connect.bodies import Unfinished
from gateway.connect.connections import Connections
from gateway.connect.endpoints import Endpoints
from gateway.connect.scim import ScimSite
from gateway.connect.server import serve
from gateway.connect.site import Site

__all__ = ["Connections", "Endpoints", "ScimSite", "Site", "Unfinished", "serve"]
