"""The gRPC servicers: a request becomes one operation or query, its outcome the response."""

from directory.api.access import AccessApi
from directory.api.authority import AuthorityApi
from directory.api.directory import DirectoryApi
from directory.api.scim import ScimApi
from directory.api.session_rooms import SignInMeans
from directory.api.sessions import SessionApi

__all__ = ["AccessApi", "AuthorityApi", "DirectoryApi", "ScimApi", "SessionApi", "SignInMeans"]
