"""The gRPC servicers: a request becomes one operation or query, its outcome the response."""

from directory.access.api.access import AccessApi
from directory.people.api.authority import AuthorityApi
from directory.people.api.directory import DirectoryApi
from directory.scim.api import ScimApi
from directory.sign_in.api.session_rooms import SignInMeans
from directory.sign_in.api.sessions import SessionApi

__all__ = ["AccessApi", "AuthorityApi", "DirectoryApi", "ScimApi", "SessionApi", "SignInMeans"]
