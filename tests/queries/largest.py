"""RPCs that the latency tests measure at their largest size, and reasons for the other ones."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, Final

PACKAGES: Final = {
    "audit": ("access_service", "audit_service"),
    "authz": ("authority",),
    "directory": ("access_service", "directory_service", "scim_service", "session_service"),
    "gateway": ("session_service",),
    "messaging": (
        *("import_service", "log_service", "messaging_service", "personal_service"),
        "signal_service",
    ),
    "notify": ("notify_service",),
    "search": ("search_service",),
    "tasks": ("tasks_service",),
}
AUTHORITIES: Final = ("directory", "messaging", "tasks")

_FIXED: Final = "Reads and writes a fixed number of documents by their keys; no field is repeated."
_SIGN_IN: Final = (
    "Reads and writes a fixed number of documents of one account by their keys; its cost is the "
    "password's hash, whose bound is that of its own tests."
)
_OUTSIDE: Final = (
    "Waits for the company's identity provider, outside of MongoDB, with its own limit."
)

EXCUSED: Final[Mapping[str, str]] = {
    "gateway.SessionService.Session": "Has no deadline; asks no database.",
    "gateway.SessionService.Subscribe": "Has no deadline; asks no database.",
    "search.SearchService.Search": "Asks OpenSearch, with a limit of its own; no database.",
    "search.SearchService.GetSearchStatus": "Asks OpenSearch, with a limit of its own.",
    "messaging.LogService.Append": "Has no deadline; its batches are those of SendMessages.",
    "audit.AuditService.RecordSkip": _FIXED,
    "messaging.Authority.FilterMembers": "Refuses: departments and groups are directory's.",
    "tasks.Authority.FilterMembers": "Refuses: departments and groups are directory's.",
    **{
        f"{owner}.Authority.{method}": "Has no deadline: a stream, or paged by the caller's limit."
        for owner in AUTHORITIES
        for method in ("Snapshot", "ReadFacts", "ReadMembers")
    },
    **{
        f"directory.SessionService.{method}": _SIGN_IN
        for method in (
            *("SignIn", "CompleteSignIn", "RefreshSession", "SignOut", "SetPassword"),
            *("EnrollTotp", "ConfirmTotp", "BeginPasskey", "FinishPasskey", "ListSecondFactors"),
            *("RemoveSecondFactor", "CreateApiToken", "ResolveApiToken", "InitTenant"),
            *("ListSignInOptions", "GetSignInPolicy", "GetSigningKeys"),
        )
    },
    **{
        f"directory.SessionService.{method}": _OUTSIDE
        for method in (
            *("BeginSingleSignOn", "CompleteSingleSignOn", "UpdateSignInPolicy"),
            *("PutOpenIdProvider", "DeleteOpenIdProvider"),
        )
    },
    **{
        f"directory.AccessService.{method}": _FIXED
        for method in ("PutAccessPolicy", "DeleteAccessPolicy")
    },
}


def every_rpc() -> frozenset[str]:
    """Return every RPC of the contracts as `service.Service.Method`, Authority once per owner."""
    return frozenset(
        f"{owner}.{service}.{method}"
        for package, service, method in _methods()
        for owner in (AUTHORITIES if package == "authz" else (package,))
    )


def _methods() -> Iterator[tuple[str, str, str]]:
    for package, files in PACKAGES.items():
        for file in files:
            module = import_module(f"plexus.{package}.v1.{file}_pb2")
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    yield package, service.name, method.name


METHODS: Final = frozenset(method for _, _, method in _methods())


def methods_of(call: Callable[[], Any]) -> frozenset[str]:
    """Return the RPCs that a callable makes: those named in its code or wrapped by it."""
    if isinstance(call, partial):
        return methods_of(call.func).union(*map(methods_of, filter(callable, call.args)))
    function = getattr(call, "__func__", call)
    named = {function.__name__} | set(_names(function.__code__))
    return METHODS & named


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def declared(function: FunctionType) -> frozenset[str]:
    """Return the RPCs that a test declares by `@pytest.mark.largest(service, *methods)`."""
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "largest"]
    return frozenset(f"{mark.args[0]}.{method}" for mark in marks for method in mark.args[1:])
