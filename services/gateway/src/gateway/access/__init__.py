"""Authorisation on this gateway's projection of the relations, corrected by the owners."""

from gateway.access.access import Access, Verdict
from gateway.access.decision_log import DecisionLog
from gateway.access.following import Following
from gateway.access.objects import object_at, object_of, objects_at
from gateway.access.projection import Projection
from gateway.access.refusals import Hidden, ModuleOff, PermissionMissing, PolicyForbids
from gateway.access.shown import Shown

__all__ = [
    "Access",
    "DecisionLog",
    "Following",
    "Hidden",
    "ModuleOff",
    "PermissionMissing",
    "PolicyForbids",
    "Projection",
    "Shown",
    "Verdict",
    "object_at",
    "object_of",
    "objects_at",
]
