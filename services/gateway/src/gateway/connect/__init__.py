"""The Connect protocol over HTTP, for browsers."""

from gateway.connect.endpoints import Endpoints
from gateway.connect.server import serve
from gateway.connect.site import Site

__all__ = ["Endpoints", "Site", "serve"]
