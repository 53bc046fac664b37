"""From protobuf to domain values and back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from plexus.audit.v1 import audit_pb2, audit_service_pb2
from plexuskit.errors import InvalidArgument
from plexuskit.timestamps import timestamp

from audit.domain.entries import Decision, Entry
from audit.domain.verification import Finding, Flaw

_DECISIONS: Final[Mapping[Decision, audit_pb2.AuditEntry.Decision.ValueType]] = MappingProxyType(
    {
        Decision.NONE: audit_pb2.AuditEntry.DECISION_UNSPECIFIED,
        Decision.ALLOWED: audit_pb2.AuditEntry.DECISION_ALLOWED,
        Decision.REFUSED: audit_pb2.AuditEntry.DECISION_REFUSED,
    }
)
_OF_NUMBER: Final[Mapping[int, Decision]] = MappingProxyType(
    {value: each for each, value in _DECISIONS.items()}
)
_Flaws = audit_service_pb2.VerifyAuditResponse.Finding
_FLAWS: Final = MappingProxyType(
    {
        Flaw.ALTERED: _Flaws.KIND_ALTERED,
        Flaw.REMOVED: _Flaws.KIND_REMOVED,
        Flaw.REORDERED: _Flaws.KIND_REORDERED,
        Flaw.ANCHOR: _Flaws.KIND_ANCHOR,
    }
)


def decision_of(value: int) -> Decision:
    """Return a decision. Refusals: InvalidArgument."""
    if value not in _OF_NUMBER:
        raise InvalidArgument(field="decision", problem=f"has no value {value}; use a known one")
    return _OF_NUMBER[value]


def entry_message(entry: Entry) -> audit_pb2.AuditEntry:
    """Return an entry as the contract shows it."""
    what = entry.what
    return audit_pb2.AuditEntry(
        tenant_id=what.tenant_id,
        no=entry.no,
        occurred_at=timestamp(what.occurred_at),
        recorded_at=timestamp(entry.recorded_at),
        event_id=what.event_id,
        action=what.action,
        actor_id=what.actor_id,
        api_token_id=what.api_token_id,
        session_id=what.session_id,
        object=what.object,
        decision=_DECISIONS[what.decision],
        outcome=what.outcome,
        rule=what.rule,
        access_version=what.access_version,
        reason=what.reason,
        version_before=what.version_before,
        version_after=what.version_after,
        trace_id=what.trace_id,
        details=what.details,
        hash=entry.hash,
        department_ids=what.departments or (),
        has_departments=what.departments is not None,
    )


def finding_message(finding: Finding) -> audit_service_pb2.VerifyAuditResponse.Finding:
    """Return a finding as the contract shows it."""
    return audit_service_pb2.VerifyAuditResponse.Finding(
        no=finding.no, kind=_FLAWS[finding.flaw], text=finding.text
    )
