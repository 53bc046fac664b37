"""gRPC for services: callers, named errors, servers and clients."""

from plexuskit.grpc.caller import (
    METADATA_KEY,
    Actor,
    CallerContextExpired,
    CallerContextInvalid,
    CallerContextMissing,
    CallerNotAllowed,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    InternalOnly,
    Unauthenticated,
    actor,
    actor_of,
    caller,
    line_of,
    person_of,
)
from plexuskit.grpc.certificates import UnusableCertificates
from plexuskit.grpc.client import channel, open_channel
from plexuskit.grpc.ending import Ending, responses
from plexuskit.grpc.keys import CallerKeys, DerivedKey, UnusableKeys, generate_keys
from plexuskit.grpc.methods import MethodInfo, UndeclaredMethod, requirements
from plexuskit.grpc.options import MAX_PUBLIC_BYTES
from plexuskit.grpc.peers import PeerSettings, peers, target
from plexuskit.grpc.raw import RawClient
from plexuskit.grpc.server import serve
from plexuskit.grpc.status import RemoteFailure, RemoteRefusal, refused

__all__ = [
    "MAX_PUBLIC_BYTES",
    "METADATA_KEY",
    "Actor",
    "CallerContextExpired",
    "CallerContextInvalid",
    "CallerContextMissing",
    "CallerKeys",
    "CallerNotAllowed",
    "CallerSigner",
    "CallerTokens",
    "CallerVerifier",
    "DerivedKey",
    "Ending",
    "InternalOnly",
    "MethodInfo",
    "PeerSettings",
    "RawClient",
    "RemoteFailure",
    "RemoteRefusal",
    "Unauthenticated",
    "UndeclaredMethod",
    "UnusableCertificates",
    "UnusableKeys",
    "actor",
    "actor_of",
    "caller",
    "channel",
    "generate_keys",
    "line_of",
    "open_channel",
    "peers",
    "person_of",
    "refused",
    "requirements",
    "responses",
    "serve",
    "target",
]
