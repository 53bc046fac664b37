"""The API reference: pages and an OpenAPI document, made from the contracts at the start."""

from gateway.reference.documents import documents

__all__ = ["documents"]
