"""Identifiers of directory, one type each, so that one cannot be passed for another."""

from typing import NewType

TenantId = NewType("TenantId", str)
PersonId = NewType("PersonId", str)
DepartmentId = NewType("DepartmentId", str)
SessionId = NewType("SessionId", str)
RoleId = NewType("RoleId", str)
BindingId = NewType("BindingId", str)
PolicyId = NewType("PolicyId", str)
GroupId = NewType("GroupId", str)
ApiTokenId = NewType("ApiTokenId", str)
FactorId = NewType("FactorId", str)
ProviderId = NewType("ProviderId", str)
