"""Errors at the driver's edge, translated to those of Plexus."""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from bson.errors import InvalidDocument
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from plexuskit.errors import DependencyDown, DocumentRefused

TRANSIENT = "TransientTransactionError"
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"

_DUPLICATE_KEY_CODES = frozenset({11000, 11001, 12582})
SIGN_IN_CODES = frozenset(
    {
        11,  # UserNotFound: the account of this service is gone
        13,  # Unauthorized
        18,  # AuthenticationFailed: a rotated password
    }
)
_DOWN_CODES = SIGN_IN_CODES | frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        24,  # LockTimeout
        36,  # FileStreamFailed
        39,  # FileRenameFailed
        46,  # LockBusy
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed: the majority did not answer in time, the result is unknown
        79,  # UnknownReplWriteConcern
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern
        106,  # KeyNotFound: the cluster's clock is not signed yet
        112,  # WriteConflict that the server gave up on
        133,  # FailedToSatisfyReadPreference
        134,  # ReadConcernMajorityNotAvailableYet
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        262,  # ExceededTimeLimit
        301,  # DataModifiedByRepair
        290,  # TransactionExceededLifetimeLimitSeconds: the server ended it, nothing is stored
        317,  # ConnectionPoolExpired
        365,  # TemporarilyUnavailable
        391,  # ReauthenticationRequired
        8000,  # AtlasError: a proxy in front of the servers refuses the account
        9001,  # SocketException
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
    }
)
# The closed list of codes that concern only this document.
_DOCUMENT_CODES = frozenset(
    {
        121,  # DocumentValidationFailure
        10334,  # BSONObjectTooLarge
        17280,  # KeyTooLong
        17419,  # the document after the update is too large
        17420,  # the document after the update is too large, in a bulk
    }
)
# E11000 duplicate key error collection: db.name index: NAME [collation: {…}] dup key: {…}
_INDEX_NAME = re.compile(r" index: (.+?)(?: collation: .*)? dup key: ", re.DOTALL)


class DuplicateKey(Exception):  # noqa: N818 - the fact that prevents the write, like a refusal
    """A document with the same unique key exists already.

    Attributes:
        index: name of the unique index, `_id_` for the primary key.
        key: the index's fields with the values that collided.
        position: index of the document in the list given to `insert_many` or `bulk`, else 0.
    """

    def __init__(self, *, index: str, key: Mapping[str, Any], position: int = 0) -> None:
        super().__init__(f"duplicate key in {index}")
        self.index = index
        self.key = key
        self.position = position


class edge:  # noqa: N801 - used as a statement: `with edge():`
    """Translates the driver's errors to `DuplicateKey`, `DependencyDown` or `DocumentRefused`.

    Cheap when all is well. Errors for the transaction's retry loop (label
    TransientTransactionError) pass unchanged, and so does an error that is none of the three.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, InvalidDocument):
            raise DocumentRefused from error
        if not isinstance(error, PyMongoError) or error.has_error_label(TRANSIENT):
            return
        if (duplicate := duplicate_key(error)) is not None:
            raise duplicate from error
        if is_down(error):
            raise DependencyDown(dependency="mongodb") from error
        if is_about_document(error):
            raise DocumentRefused from error


def duplicate_key(error: PyMongoError) -> DuplicateKey | None:
    """Return the first duplicate key that the error reports, if it is nothing worse."""
    if isinstance(error, BulkWriteError):
        failures = error.details.get("writeErrors", [])
        # A missing majority weighs more: then not even the documents before are certain.
        if error.details.get("writeConcernErrors") or not failures:
            return None
        if any(failure["code"] not in _DUPLICATE_KEY_CODES for failure in failures):
            return None
        return _duplicate_from(failures[0], position=failures[0]["index"])

    if isinstance(error, DuplicateKeyError):
        return _duplicate_from(error.details or {}, position=0)
    return None


def is_down(error: PyMongoError) -> bool:
    """Return whether the server could not be reached, could not decide or was too slow."""
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError | CursorNotFound):
        return True
    if isinstance(error, BulkWriteError):
        reports = [
            *error.details.get("writeConcernErrors", []),
            *error.details.get("writeErrors", []),
        ]
        return any(report.get("code") in _DOWN_CODES for report in reports)
    if isinstance(error, OperationFailure):
        return error.code in _DOWN_CODES
    return error.timeout


def is_about_document(error: PyMongoError) -> bool:
    """Return whether the server refused a document because of its content alone."""
    if isinstance(error, BulkWriteError):
        failures = error.details.get("writeErrors", [])
        codes = {failure.get("code") for failure in failures}
        return bool(codes) and codes <= _DOCUMENT_CODES
    return isinstance(error, OperationFailure) and error.code in _DOCUMENT_CODES


def _duplicate_from(report: Mapping[str, Any], *, position: int) -> DuplicateKey:
    named = _INDEX_NAME.search(report.get("errmsg", ""))
    return DuplicateKey(
        index=named.group(1) if named else "",
        key=dict(report.get("keyValue", {})),
        position=position,
    )
