"""Authorisation on this gateway's projection of the relations, corrected by the owners."""

from gateway.access.access import Access, Verdict
from gateway.access.asked import Asked
from gateway.access.decision_log import DecisionLog
from gateway.access.directory import DirectoryPolicies
from gateway.access.objects import object_at, object_of
from gateway.access.projection import Projection
from gateway.access.projection_updater import ProjectionUpdater
from gateway.access.refusals import Hidden, ModuleOff, PermissionMissing, PolicyForbids
from gateway.access.shown import Shown

__all__ = [
    "Access",
    "Asked",
    "DecisionLog",
    "DirectoryPolicies",
    "Hidden",
    "ModuleOff",
    "PermissionMissing",
    "PolicyForbids",
    "Projection",
    "ProjectionUpdater",
    "Shown",
    "Verdict",
    "object_at",
    "object_of",
]
