"""HTTP: the Connect protocol for browsers, SCIM for HR feeds, the API reference."""

from gateway.connect.bodies import Unfinished
from gateway.connect.connections import Connections
from gateway.connect.docs import DocsSite
from gateway.connect.endpoints import Endpoints
from gateway.connect.scim import ScimSite
from gateway.connect.server import serve
from gateway.connect.site import Site

__all__ = ["Connections", "DocsSite", "Endpoints", "ScimSite", "Site", "Unfinished", "serve"]
