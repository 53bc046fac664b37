"""Why a request has to wait; none of it has been done, so it can be sent again as it is."""

from plexuskit.errors import Kind, Refusal


class RateLimited(Refusal):
    """Somebody asks for more than a rate allows; `limit` names whose, `method_class` of what."""

    kind = Kind.EXHAUSTED
    text = "Too many requests in a short time (limit: {limit}, {method_class}); wait a moment."


class TooManyCalls(Refusal):
    """Somebody waits for more answers at once than anybody may."""

    kind = Kind.EXHAUSTED
    text = "{most} of your requests are still being answered; wait for some of them."


class TooManyStreams(Refusal):
    """Somebody, or everybody together, has more streams open here than there may be."""

    kind = Kind.EXHAUSTED
    text = "No more streams can be opened here now (limit: {limit}, {most}); close one, or wait."


class TooManyHeaders(Refusal):
    """A request has more headers than anybody needs."""

    kind = Kind.EXHAUSTED
    text = "The request has more than {most} headers."
