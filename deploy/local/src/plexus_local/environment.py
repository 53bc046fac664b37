"""Environment of a service: the values of the local run that the service has settings for."""

import importlib
import json
import os
import typing
from collections.abc import Mapping
from pathlib import Path

from plexuskit.config import Section, ServiceSettings
from plexuskit.kafka.grants import user_of

from plexus_local.layout import Layout
from plexus_local.servers.home import home
from plexus_local.table import ENTRIES, Entry, peers
from plexus_local.web import built

Offer = Mapping[str, Mapping[str, str | int | Path]]


class BackendUrls(typing.NamedTuple):
    """Addresses of the three servers, and folders of their users' passwords, one file per user.

    Without a folder of passwords a server is used without a user.
    """

    mongo: str
    kafka: str
    opensearch: str
    mongo_passwords: str = ""
    kafka_passwords: str = ""
    kafka_ca: str = ""


def environment(
    entry: Entry,
    *,
    layout: Layout,
    ports: dict[str, int],
    urls: BackendUrls,
    smtp: str,
    entries: tuple[Entry, ...] = ENTRIES,
) -> dict[str, str]:
    """Return the whole environment of a process.

    A setting that the operator exported keeps the operator's value.

    Args:
        entry: the process.
        layout: folders of its files.
        ports: ports of every process, including those that do not run.
        urls: addresses of the servers.
        smtp: address of the mail server.
        entries: the processes that run; the addresses of the others are set but not served.
    """
    offer = _offer(entry, layout=layout, ports=ports, urls=urls, smtp=smtp, entries=entries)
    settings = importlib.import_module(f"{entry.service}.config").Settings
    return variables(settings, offer) | dict(os.environ)


def variables(settings: type[ServiceSettings], offer: Offer) -> dict[str, str]:
    """Return the offered values that the settings accept, as environment variables.

    A service refuses unknown settings, so all other values are left out.
    """
    prefix = settings.model_config.get("env_prefix", "").upper()
    named = {}
    for section, values in offer.items():
        field = settings.model_fields.get(section)
        keys = _keys(field.annotation) if field is not None else set()
        for key, value in values.items():
            if key in keys:
                named[f"{prefix}{section.upper()}__{key.upper()}"] = str(value)
    return named


def _keys(annotation: object) -> set[str]:
    """Return the keys of a section, including an optional one."""
    kinds = typing.get_args(annotation) or (annotation,)
    return {
        key
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Section)
        for key in kind.model_fields
    }


def _known_to(service: str, peers: Mapping[str, str]) -> dict[str, str]:
    """Return all addresses of peers for the gateway, and the first one for other services."""
    if service == "gateway":
        return dict(peers)
    return {name: addresses.partition(",")[0] for name, addresses in peers.items()}


def _offer(
    entry: Entry,
    *,
    layout: Layout,
    ports: dict[str, int],
    urls: BackendUrls,
    smtp: str,
    entries: tuple[Entry, ...],
) -> Offer:
    service = entry.service
    client = built(home())
    listening: dict[str, Mapping[str, str | int | Path]] = {
        section: {"host": "127.0.0.1", "port": ports.get(f"{entry.name}.{section}", 0)}
        for section in ("grpc", "http", "ops")
    }
    return {
        **listening,
        **_certificates(layout, service),
        "mongo": {
            "url": urls.mongo,
            "database": f"plexus_{service}",
            **_user(service, urls.mongo_passwords),
        },
        "kafka": {
            "url": urls.kafka,
            **_user(service, urls.kafka_passwords),
            **({"ca_file": urls.kafka_ca} if urls.kafka_ca else {}),
        },
        "opensearch": {"url": urls.opensearch, "index_prefix": "plexus-"},
        "caller": {"keys_file": layout.keys / f"{service}.json"},
        "telemetry": {"log_format": "json", "log_level": "INFO"},
        "web": {"folder": client} if client else {},
        "passkeys": _passkeys(ports),
        "peers": _known_to(service, peers(ports) | peers(ports, entries)),
        "bootstrap": {"secret": layout.bootstrap_secret.read_text().strip()},
        "tokens": {"keys_file": layout.keys / "directory-tokens.json"},
        "smtp": {"url": smtp, "sender": "plexus@plexus.local"},
    }


def _passkeys(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the settings of this machine as the relying party, unless the operator set another.

    A passkey belongs to a host name: browsers create none for 127.0.0.1.
    """
    port = ports.get("gateway.http", 0)
    return {"rp_id": "localhost", "origins": json.dumps([f"http://localhost:{port}"])}


def _user(service: str, passwords: str) -> dict[str, str]:
    """Return a service's user of a server and its password file, if there are users."""
    user = user_of(service)
    return {"user": user, "password_file": str(Path(passwords) / user)} if passwords else {}


def _certificates(layout: Layout, service: str) -> dict[str, Mapping[str, str | int | Path]]:
    """Return the files of the certificates, if there are any."""
    if not layout.authority.is_file():
        return {}
    own, public = layout.tls / service, layout.tls / "public"
    return {
        "tls": {
            "cert_file": own / "tls.crt",
            "key_file": own / "tls.key",
            "ca_file": own / "ca.crt",
        },
        "public_tls": {"cert_file": public / "tls.crt", "key_file": public / "tls.key"},
    }
