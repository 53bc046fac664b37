"""Messages quoted in the guide to single sign-on: all are messages of the product."""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from directory.scim.domain import people
from directory.scim.domain.resources import USER
from directory.shared.domain.ids import ProviderId, TenantId
from directory.sign_in.domain import openid
from directory.sign_in.domain.openid import Provider, Subject
from directory.sign_in.domain.refusals import (
    LockedOut,
    NoWorkingProvider,
    ProviderInvalid,
    ProviderNotFound,
    ProviderUnavailable,
    RedirectNotAllowed,
    SignInRefused,
)
from directory.sign_in.operations import openid_providers, single_sign_on
from directory.sign_in.operations.openid import client, documents
from directory.sign_in.operations.openid.documents import discovery_of
from plexus_sdk import sign_in
from plexuskit.errors import Refusal

from .pages import ROOT

GUIDE = ROOT / "docs/single-sign-on.md"
ROW = re.compile(r"^\| `(?P<quoted>[^`]+)` \| (?P<advice>[^|]+) \|$", re.MULTILINE)
ISSUER = "https://sso.acme.example/realms/acme"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/certs",
    "response_types_supported": ["code"],
    "id_token_signing_alg_values_supported": ["RS256"],
}
PROVIDER = Provider(
    id=ProviderId("acme"),
    tenant_id=TenantId("ten_1"),
    name="Acme",
    issuer=ISSUER,
    client_id="plexus",
    redirect_uris=("http://127.0.0.1/callback",),
    subject_claim="sub",
    email_domains=(),
)


def quoted() -> list[str]:
    """Return the messages that the guide quotes."""
    return [match["quoted"] for match in ROW.finditer(GUIDE.read_text(encoding="utf-8"))]


def of_documents() -> Iterator[str]:
    """Yield the refusals of unusable discovery documents."""
    for changed in (
        {"token_endpoint": "http://sso.acme.example/token"},
        {"issuer": "https://sso.acme.example/realms/{tenantid}"},
        {"response_types_supported": ["token"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["HS256"]},
    ):
        with pytest.raises(ProviderInvalid) as refused:
            discovery_of(json.dumps(DOCUMENT | changed).encode(), issuer=ISSUER)
        yield refused.value.message()
    # The fetching code distinguishes status 404 from a provider that cannot be reached.
    assert 'ProviderInvalid(problem=f"status {answer}")' in inspect.getsource(client)
    assert 'ProviderInvalid(problem="it cannot be reached")' in inspect.getsource(openid_providers)
    yield ProviderInvalid(problem="status 404").message()
    yield ProviderInvalid(problem="it cannot be reached").message()


def of_settings() -> Iterator[str]:
    """Yield the refusals of invalid provider settings."""
    wrong: tuple[dict[str, Any], ...] = (
        {"issuer": "http://sso.acme.example"},
        {"issuer": f"{ISSUER}?a=b"},
        {"redirect_uris": ()},
        {"id": ProviderId("Acme")},
    )
    for changed in wrong:
        with pytest.raises(Refusal) as refused:
            openid.check(replace(PROVIDER, **changed), previous=None, expected_version=0)
        yield refused.value.message()


def of_signing_in() -> Iterator[str]:
    """Yield the refusals during sign-in and when local accounts are switched off."""
    for refusal in (
        ProviderNotFound(),
        RedirectNotAllowed(),
        ProviderUnavailable(),
        SignInRefused(),
        LockedOut(),
        NoWorkingProvider(),
    ):
        yield refusal.message()
    source = inspect.getsource(sign_in)
    assert "f\"The provider refused: {found.get('error'" in source
    yield "The provider refused: access_denied"
    for text in (
        "The browser brought the answer to another attempt; try again.",
        "Nobody came back from the browser; try again.",
    ):
        assert f'"{text}"' in source
        yield text


def test_the_guide_quotes_every_message_word_for_word() -> None:
    printed = [*of_documents(), *of_settings(), *of_signing_in()]
    assert sorted(quoted()) == sorted(printed)


def test_the_guide_names_what_directory_logs() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    sources = [inspect.getsource(each) for each in (single_sign_on, documents, client)]
    for event in ("single_sign_on.refused", "single_sign_on.nobody", "openid_provider.invalid"):
        assert f"`{event}`" in guide
        assert f'"{event}"' in sources[0]
    for check in ("aud", "azp", "iss", "exp", "iat", "subject"):
        assert f'"{check}"' in sources[1]
    assert 'IdTokenInvalid("code")' in sources[2]


def test_a_provider_named_scim_finds_the_people_of_the_feed_by_their_external_id() -> None:
    provider = replace(PROVIDER, id=ProviderId("scim"), subject_claim="oid")
    openid.check(provider, previous=None, expected_version=0)
    subject = Subject(value="5b0d2f0e-7f0c", email="", second_factor=False)
    user = USER(user_name="linh", external_id="5b0d2f0e-7f0c")
    assert openid.external_id(provider, subject) == people.wanted(user).external_id
