"""Keys, secrets and certificates of the local run."""

import json
import os
import secrets
from collections.abc import Sequence
from datetime import timedelta

from plexuskit.grpc.keys import generate_keys

from plexus_local.certificates import CertificateAuthority, replace_file
from plexus_local.layout import Layout, write_whole
from plexus_local.servers import KafkaAccounts, MongoAccounts

TLS = "PLEXUS_TLS"
_HOSTS = ("localhost", "127.0.0.1")
_LIFE = timedelta(days=30)


def tls_wanted() -> bool:
    """Return whether the operator requested certificates: `PLEXUS_TLS=1`."""
    return os.environ.get(TLS, "") not in {"", "0"}


def make_certificates(layout: Layout, *, services: Sequence[str]) -> None:
    """Create an authority and a certificate for each service at each start, for 30 days.

    The authority's key is not stored, so no further certificate can be signed. Clients need
    `ca.crt` to verify the gateway's public certificate.
    """
    authority = CertificateAuthority(life=_LIFE)
    layout.tls.mkdir(mode=0o700, exist_ok=True)
    replace_file(layout.authority, authority.pem)
    for service in services:
        authority.install(layout.tls, service)
    public = authority.issue_public(*_HOSTS)
    folder = layout.tls / "public"
    folder.mkdir(exist_ok=True)
    replace_file(folder / "tls.key", public.key)
    replace_file(folder / "tls.crt", public.cert)


def make_keys(layout: Layout, *, services: Sequence[str]) -> None:
    """Write each service's file with its own private key and the public keys of all services.

    Existing files stay; if one is missing, all are recreated, because each contains the keys of
    all.
    """
    if all((layout.keys / f"{service}.json").is_file() for service in services):
        return
    for service, content in generate_keys(services).items():
        write_whole(layout.keys / f"{service}.json", json.dumps(content), mode=0o600)


def kafka_accounts(layout: Layout) -> KafkaAccounts:
    """Return the users of the local Kafka; create missing passwords."""
    return KafkaAccounts.kept(layout.passwords("kafka"))


def mongo_accounts(layout: Layout, *, services: Sequence[str]) -> MongoAccounts:
    """Return the users of the local MongoDB; create missing passwords."""
    return MongoAccounts.kept(layout.passwords("mongo"), services=services)


def make_bootstrap_secret(layout: Layout) -> None:
    """Write the secret that authorizes the creation of the first tenant, unless it exists."""
    if not layout.bootstrap_secret.is_file():
        write_whole(layout.bootstrap_secret, secrets.token_urlsafe(32), mode=0o600)
