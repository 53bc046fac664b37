"""Factors, challenges, providers and policies as documents; both shapes are known here only."""

from collections.abc import Mapping
from typing import Any

from directory.shared.domain.ids import FactorId, PersonId, ProviderId, TenantId
from directory.shared.store.documents import Document
from directory.sign_in.domain.challenges import SignInChallenge
from directory.sign_in.domain.openid import Attempt, Link, Provider
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.domain.sign_in_policies import SignInPolicy


def factor_document(factor: Factor) -> Document:
    """Write a second factor; its secret is encrypted already."""
    document: Document = {
        "_id": factor.id,
        "tenant_id": factor.tenant_id,
        "person_id": factor.person_id,
        "kind": factor.kind.value,
        "name": factor.name,
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
        "confirmed": factor.confirmed,
        "sealed_secret": factor.sealed_secret,
        "last_step": factor.last_step,
        "public_key": factor.public_key,
        "sign_count": factor.sign_count,
        "version": factor.version,
    }
    # Absent rather than empty: the unique index holds only passkeys.
    if factor.credential_id:
        document["credential_id"] = factor.credential_id
    return document


def factor_from(document: Mapping[str, Any]) -> Factor:
    """Read a second factor."""
    return Factor(
        id=FactorId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        person_id=PersonId(document["person_id"]),
        kind=FactorKind(document["kind"]),
        name=document["name"],
        created_at=document["created_at"],
        last_used_at=document["last_used_at"],
        confirmed=document["confirmed"],
        sealed_secret=bytes(document["sealed_secret"]),
        last_step=document["last_step"],
        credential_id=bytes(document.get("credential_id", b"")),
        public_key=bytes(document["public_key"]),
        sign_count=document["sign_count"],
        version=document["version"],
    )


def challenge_document(challenge: SignInChallenge) -> Document:
    """Write a challenge, under the hash of the client's value."""
    return {
        "_id": challenge.key,
        "tenant_id": challenge.tenant_id,
        "person_id": challenge.person_id,
        "methods": list(challenge.methods),
        "credential_stamp": challenge.credential_stamp,
        "passkey_challenge": challenge.passkey_challenge,
        "device": challenge.device,
        "single_sign_on": challenge.single_sign_on,
        "attempts": challenge.attempts,
        "expires_at": challenge.expires_at,
    }


def challenge_from(document: Mapping[str, Any]) -> SignInChallenge:
    """Read a challenge."""
    return SignInChallenge(
        key=bytes(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        person_id=PersonId(document["person_id"]),
        methods=tuple(document["methods"]),
        credential_stamp=bytes(document["credential_stamp"]),
        passkey_challenge=bytes(document["passkey_challenge"]),
        device=document["device"],
        single_sign_on=document["single_sign_on"],
        attempts=document["attempts"],
        expires_at=document["expires_at"],
    )


def attempt_document(attempt: Attempt) -> Document:
    """Write a browser on its way, under the hash of its state."""
    return {
        "_id": attempt.key,
        "proof": attempt.proof,
        "tenant_id": attempt.tenant_id,
        "provider_id": attempt.provider_id,
        "nonce": attempt.nonce,
        "code_verifier": attempt.code_verifier,
        "redirect_uri": attempt.redirect_uri,
        "device": attempt.device,
        "expires_at": attempt.expires_at,
    }


def attempt_from(document: Mapping[str, Any]) -> Attempt:
    """Read a browser on its way."""
    return Attempt(
        key=bytes(document["_id"]),
        proof=bytes(document["proof"]),
        tenant_id=TenantId(document["tenant_id"]),
        provider_id=ProviderId(document["provider_id"]),
        nonce=document["nonce"],
        code_verifier=document["code_verifier"],
        redirect_uri=document["redirect_uri"],
        device=document["device"],
        expires_at=document["expires_at"],
    )


def provider_document(provider: Provider) -> Document:
    """Write a provider; its client secret is encrypted already."""
    return {
        "_id": f"{provider.tenant_id}:{provider.id}",
        "tenant_id": provider.tenant_id,
        "provider_id": provider.id,
        "name": provider.name,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "redirect_uris": list(provider.redirect_uris),
        "subject_claim": provider.subject_claim,
        "email_domains": list(provider.email_domains),
        "sealed_secret": provider.sealed_secret,
        "version": provider.version,
    }


def provider_from(document: Mapping[str, Any]) -> Provider:
    """Read a provider."""
    return Provider(
        id=ProviderId(document["provider_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        name=document["name"],
        issuer=document["issuer"],
        client_id=document["client_id"],
        redirect_uris=tuple(document["redirect_uris"]),
        subject_claim=document["subject_claim"],
        email_domains=tuple(document["email_domains"]),
        sealed_secret=bytes(document["sealed_secret"]),
        version=document["version"],
    )


def link_document(link: Link) -> Document:
    """Write a link between a subject of a provider and a person."""
    return {
        "_id": link.id,
        "tenant_id": link.tenant_id,
        "provider_id": link.provider_id,
        "person_id": link.person_id,
        "linked_at": link.linked_at,
    }


def policy_document(policy: SignInPolicy) -> Document:
    """Write the policy of a tenant."""
    return {
        "_id": policy.tenant_id,
        "local_accounts": policy.local_accounts,
        "second_factor_role_ids": list(policy.second_factor_role_ids),
        "version": policy.version,
    }


def policy_from(document: Mapping[str, Any]) -> SignInPolicy:
    """Read the policy of a tenant."""
    return SignInPolicy(
        tenant_id=TenantId(document["_id"]),
        local_accounts=document["local_accounts"],
        second_factor_role_ids=tuple(document["second_factor_role_ids"]),
        version=document["version"],
    )
