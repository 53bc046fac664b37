"""The gRPC edge: a request becomes an operation, its result a response; nothing is decided here."""

from notify.api.notifications import NotifyApi

__all__ = ["NotifyApi"]
