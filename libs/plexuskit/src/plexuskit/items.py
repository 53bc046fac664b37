"""Unexpected failures of one item of a batch or stream (GW-8)."""

from secrets import token_hex

import structlog
from opentelemetry import trace

from plexuskit.errors import Kind, Refusal

log = structlog.get_logger()


class ItemFailed(Refusal):
    """One item failed unexpectedly; its trace is logged under {reference}."""

    kind = Kind.INTERNAL
    reason = "INTERNAL"
    text = "Something went wrong on our side; it is logged under {reference}."


def item_failed(error: Exception, *, of: str) -> ItemFailed:
    """Log an unexpected exception of one item once, with its trace, and return its verdict.

    Other items are not affected: the stream, the batch and the process continue (GW-8).

    Args:
        error: the exception of the item's handler.
        of: static name of the batch or stream, for example `messaging.append`.
    """
    current = trace.get_current_span().get_span_context()
    reference = trace.format_trace_id(current.trace_id) if current.is_valid else token_hex(16)
    log.error("item.failed", of=of, reference=reference, exc_info=error)
    return ItemFailed(reference=reference)
