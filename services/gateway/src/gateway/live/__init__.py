"""Client streams: items of clients go up to messaging, events come down to them.

The application enters `StreamHub` before its servers and serves `SessionApi` in its own; responses
are bytes, because a frame is built once and shared by many streams. `StreamHub.frames` gives the
same to the Connect protocol, as the bytes of SubscribeResponses.
"""

from typing import Final

from gateway.live.api import SessionApi
from gateway.live.fanout import FANOUT
from gateway.live.hub import StreamHub
from gateway.live.signals import SIGNALS

SUBSCRIPTIONS: Final = (FANOUT, SIGNALS)

__all__ = ["SUBSCRIPTIONS", "SessionApi", "StreamHub"]
