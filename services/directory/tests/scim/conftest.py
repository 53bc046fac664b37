"""A feed that speaks to directory as the gateway passes it on."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from directory.scim.domain.guard import Bounds, FeedRules
from plexus.directory.v1.scim_service_pb2 import ExchangeScimRequest

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BASE = "https://plexus.test/scim/v2"


@dataclass(frozen=True)
class Told:
    """An answer: its status, headers and JSON."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str | None]:
        return self.status, self.body.get("scimType")


class Feed:
    """The HR system's side of the exchange."""

    def __init__(self, served, company) -> None:
        self._served = served
        self._company = company
        self.rules = FeedRules(
            department_template="{organization}/{division}/{department}",
            department_separator="/",
            reactivates=True,
            bounds=Bounds(percent=10, at_least=5),
        )
        self.renew()

    def renew(self) -> None:
        """Sign the caller context again, after the clock was moved."""
        self.caller = self._served.person(self._company.admin.id, self._company.tenant.id, "admin")

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> Told:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        response = await self._served.scim.ExchangeScim(
            ExchangeScimRequest(
                method=method,
                path=path,
                query=query,
                headers={"content-type": "application/scim+json"} | named,
                body=content,
                base_url=BASE,
            ),
            **self.caller,
        )
        decoded = json.loads(response.body) if response.body else None
        return Told(response.status, dict(response.headers), decoded)

    async def hire(self, user_name: str, **attributes: Any) -> dict[str, Any]:
        told = await self.ask("POST", "/Users", user(user_name, **attributes))
        assert told.status == 201, told
        return told.body

    async def patch(self, id_: str, *operations: dict[str, Any], **headers: str) -> Told:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.ask("PATCH", f"/Users/{id_}", body, **headers)


def user(
    user_name: str,
    *,
    department: str = "",
    division: str = "",
    organization: str = "",
    **attributes: Any,
) -> dict[str, Any]:
    """A resource as feeds send it."""
    body: dict[str, Any] = {"schemas": [USER], "userName": user_name} | attributes
    if department:
        body["schemas"].append(ENTERPRISE)
        body[ENTERPRISE] = {"department": department}
        if division:
            body[ENTERPRISE] |= {"division": division}
        if organization:
            body[ENTERPRISE] |= {"organization": organization}
    return body


@pytest.fixture
async def feed(served, company) -> Feed:
    return Feed(served, company)
