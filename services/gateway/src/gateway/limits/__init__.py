"""Limits of callers: rates, concurrent calls and streams (GW-6, MSG-18)."""

from plexuskit.buckets import Buckets

from gateway.limits.classes import MethodClass, class_of
from gateway.limits.limits import LIMITED, Leave, Limits
from gateway.limits.networks import FORWARDED_FOR, Networks
from gateway.limits.refusals import RateLimited, TooManyCalls, TooManyHeaders, TooManyStreams
from gateway.limits.strangers import Attempt, Strangers, network_of_call
from gateway.limits.uses import Uses

__all__ = [
    "FORWARDED_FOR",
    "LIMITED",
    "Attempt",
    "Buckets",
    "Leave",
    "Limits",
    "MethodClass",
    "Networks",
    "RateLimited",
    "Strangers",
    "TooManyCalls",
    "TooManyHeaders",
    "TooManyStreams",
    "Uses",
    "class_of",
    "network_of_call",
]
