"""Channel arguments of servers and clients, in one place because the two must agree."""

import json

from plexuskit.config import MEBIBYTE

MAX_MESSAGE_BYTES = 8 * MEBIBYTE
# Maximum request size of a method that needs no identity (GW-13).
MAX_PUBLIC_BYTES = 16 * 1024

_PING_EVERY_MS = 30_000
_PING_TIMEOUT_MS = 10_000
# Less than the clients' interval, so that none of them is turned away as a flood (GOAWAY
# too_many_pings).
_PING_TOLERATED_MS = 10_000
_PING_STRIKES = 2
# Refusals carry their details in trailers; a caller context and a trace come in headers.
_METADATA_BYTES = 16 * 1024

Options = list[tuple[str, int | str]]


def server_options(*, max_message_bytes: int) -> Options:
    """Return the options of a server."""
    return [
        *_both(max_message_bytes=max_message_bytes),
        # With port reuse a second server takes half of the calls of the first, silently.
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_TOLERATED_MS),
        ("grpc.http2.max_ping_strikes", _PING_STRIKES),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _PING_TOLERATED_MS),
    ]


def channel_options(*, max_message_bytes: int = MAX_MESSAGE_BYTES) -> Options:
    """Return the options of a client: it reconnects to a restarted server within 2 s."""
    return [
        *_both(max_message_bytes=max_message_bytes),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.dns_min_time_between_resolutions_ms", 1000),
        # Spreads calls over every address of the name; one address is the plain case.
        ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ]


def _both(*, max_message_bytes: int) -> Options:
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        # Pings detect a dead peer behind an idle stream.
        ("grpc.keepalive_time_ms", _PING_EVERY_MS),
        ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
