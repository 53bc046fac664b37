"""Refusals by limits; none of the request was carried out, so it can be sent again unchanged."""

from plexuskit.errors import Kind, Refusal


class RateLimited(Refusal):
    """A rate is exceeded; `limit` names whose, `method_class` the kind of calls."""

    kind = Kind.EXHAUSTED
    text = "Too many requests in a short time (limit: {limit}, {method_class}); wait a moment."


class TooManyCalls(Refusal):
    """A caller waits for more responses at once than allowed."""

    kind = Kind.EXHAUSTED
    text = "{most} of your requests are still being answered; wait for some of them."


class TooManyStreams(Refusal):
    """A caller, or all callers together, have more streams open here than allowed."""

    kind = Kind.EXHAUSTED
    text = "No more streams can be opened here now (limit: {limit}, {most}); close one, or wait."


class TooManyHeaders(Refusal):
    """A request has more headers than allowed."""

    kind = Kind.EXHAUSTED
    text = "The request has more than {most} headers."
