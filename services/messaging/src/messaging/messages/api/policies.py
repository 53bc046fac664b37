"""MessagingService: the policy of the tenant."""

from datetime import timedelta
from typing import Any

from plexus.messaging.v1 import messaging_service_pb2
from plexuskit.grpc import actor

from messaging.messages.domain.policies import Policy, Receipts
from messaging.messages.operations.policies import update_messaging_policy
from messaging.messages.queries.policies import get_messaging_policy
from messaging.messages.store.stores import Store

pb = messaging_service_pb2

_RECEIPTS = {
    pb.MessagingPolicy.RECEIPTS_UNSPECIFIED: Receipts.NAMES,
    pb.MessagingPolicy.RECEIPTS_OFF: Receipts.OFF,
    pb.MessagingPolicy.RECEIPTS_COUNTS: Receipts.COUNTS,
    pb.MessagingPolicy.RECEIPTS_NAMES: Receipts.NAMES,
}
_RECEIPTS_NUMBERS = {
    Receipts.OFF: pb.MessagingPolicy.RECEIPTS_OFF,
    Receipts.COUNTS: pb.MessagingPolicy.RECEIPTS_COUNTS,
    Receipts.NAMES: pb.MessagingPolicy.RECEIPTS_NAMES,
}


class PoliciesApi:
    """A part of MessagingService; each method reads, calls one operation or query, and answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def GetMessagingPolicy(
        self, request: pb.GetMessagingPolicyRequest, context: Any
    ) -> pb.GetMessagingPolicyResponse:
        policy = await get_messaging_policy(self._store, tenant_id=actor().tenant_id)
        return pb.GetMessagingPolicyResponse(policy=_policy_to_proto(policy))

    async def UpdateMessagingPolicy(
        self, request: pb.UpdateMessagingPolicyRequest, context: Any
    ) -> pb.UpdateMessagingPolicyResponse:
        policy = await update_messaging_policy(
            self._store, actor=actor(), policy=_policy_of(request.policy)
        )
        return pb.UpdateMessagingPolicyResponse(policy=_policy_to_proto(policy))


def _policy_of(policy: pb.MessagingPolicy) -> Policy:
    return Policy(
        edit_window=timedelta(seconds=policy.edit_window_seconds),
        recall_window=timedelta(seconds=policy.recall_window_seconds),
        admin_recall_window=timedelta(seconds=policy.admin_recall_window_seconds),
        receipts=_RECEIPTS[policy.receipts],
        receipt_names_limit=policy.receipt_names_limit,
        version=policy.version,
    )


def _policy_to_proto(policy: Policy) -> pb.MessagingPolicy:
    return pb.MessagingPolicy(
        edit_window_seconds=int(policy.edit_window.total_seconds()),
        recall_window_seconds=int(policy.recall_window.total_seconds()),
        admin_recall_window_seconds=int(policy.admin_recall_window.total_seconds()),
        receipts=_RECEIPTS_NUMBERS[policy.receipts],
        receipt_names_limit=policy.receipt_names_limit,
        version=policy.version,
    )
