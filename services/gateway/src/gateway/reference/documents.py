"""Every document of the API reference by its path."""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Final

from gateway.connect.docs import HTML, JSON, PREFIX, Document
from gateway.reference.contract import Contract
from gateway.reference.errors import Errors
from gateway.reference.examples import Examples
from gateway.reference.openapi import document
from gateway.reference.pages import Pages

_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"


def documents(*, now: datetime, url: str, max_body_bytes: int) -> Mapping[str, Document]:
    """Make the documents. They take about half a second of a processor.

    Args:
        now: reference time of the examples.
        url: public address of the gateway; empty if it is unknown.
        max_body_bytes: largest body that the HTTP port accepts.
    """
    contract, errors = Contract(), Errors()
    examples = Examples(contract, now=now)
    release, address = version("plexus-gateway"), url.rstrip("/")
    pages = Pages(
        contract,
        errors=errors,
        examples=examples,
        version=release,
        url=address,
        max_body_bytes=max_body_bytes,
    )
    texts = {
        PREFIX: pages.index(),
        f"{PREFIX}/errors": pages.errors(),
        **{f"{PREFIX}/{each.full_name}": pages.service(each) for each in contract.services},
    }
    policy = pages.policy.encode()
    openapi = document(contract, errors=errors, examples=examples, version=release, url=address)
    return {
        **{
            path: Document.of(text.encode(), content_type=HTML, policy=policy)
            for path, text in texts.items()
        },
        f"{PREFIX}/openapi.json": Document.of(
            json.dumps(openapi, ensure_ascii=False, separators=(",", ":")).encode(),
            content_type=JSON,
            policy=_NOTHING.encode(),
        ),
    }
