"""Spans of requests, with the attributes of the semantic conventions for databases (1.44.0).

The connection is the client library's place where a request meets a host. Neither the URL nor the
body is recorded: both can hold ids of documents, and the body what people write and search for.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from opensearchpy import AIOHttpConnection
from opensearchpy.exceptions import TransportError
from plexuskit import telemetry
from plexuskit.telemetry import SpanKind

_DEFAULT_PORT: Final = 9200
# Endpoints whose name is their method: of one document, and of an index.
_DOCUMENTS: Final = {"GET": "get", "HEAD": "exists", "DELETE": "delete"}
_INDICES: Final = {
    "GET": "indices.get",
    "HEAD": "indices.exists",
    "PUT": "indices.create",
    "DELETE": "indices.delete",
}


class TracedConnection(AIOHttpConnection):
    """Connection whose requests inside a recorded span have spans of their own."""

    async def perform_request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        ignore: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request; return status, headers and body of the answer."""
        sending = super().perform_request(method, url, params, body, timeout, ignore, headers)
        if not telemetry.recorded():
            return await sending
        operation, target = endpoint_of(method, url)
        attributes: dict[str, str | int] = {
            "db.system.name": "opensearch",
            "db.operation.name": operation,
            "http.request.method": method,
            "server.address": self.hostname,
        }
        if target:
            attributes["db.collection.name"] = target
        if self.port != _DEFAULT_PORT:
            attributes["server.port"] = self.port
        name = f"{operation} {target}" if target else operation
        with telemetry.span(name, kind=SpanKind.CLIENT, attributes=attributes) as current:
            try:
                answer = await sending
            except TransportError as error:
                if isinstance(error.status_code, int):
                    current.set_attribute("db.response.status_code", str(error.status_code))
                    telemetry.failed(current, str(error.status_code))
                raise
            current.set_attribute("db.response.status_code", str(answer[0]))
            return answer


def endpoint_of(method: str, url: str) -> tuple[str, str]:
    """Return the operation of a request and the indexes that it is about, "" for none.

    Args:
        method: of HTTP.
        url: path of the request, `/<indexes>/_<endpoint>/…`.
    """
    parts = url.partition("?")[0].strip("/").split("/")
    target = "" if parts[0].startswith("_") else parts[0]
    endpoint = next((part[1:] for part in parts if part.startswith("_")), "")
    if not endpoint:
        return _INDICES.get(method, "indices"), target
    if endpoint == "doc":
        return _DOCUMENTS.get(method, "index"), target
    return endpoint, target
