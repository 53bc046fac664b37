"""Configuration of Synapse: PostgreSQL, no rate limits, no federation."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

DOMAIN: Final = "localhost"
DATABASE: Final = "synapse"
TIMELINE_LIMIT: Final = 5000
UNLIMITED: Final = {"per_second": 1_000_000, "burst_count": 1_000_000}
LIMITS: Final = (
    "rc_admin_redaction",
    "rc_delayed_event_mgmt",
    "rc_media_create",
    "rc_message",
    "rc_presence.per_user",
    "rc_registration",
    "rc_registration_token_validity",
    "rc_reports",
    "rc_room_creation",
    "rc_third_party_invite",
    "rc_login.account",
    "rc_login.address",
    "rc_login.failed_attempts",
    "rc_joins.local",
    "rc_joins.remote",
    "rc_invites.per_issuer",
    "rc_invites.per_room",
    "rc_invites.per_user",
    "rc_3pid_validation",
    "rc_joins_per_room",
    "rc_key_requests",
    "rc_profile",
    "rc_user_directory",
)


def settings(
    *, port: int, folder: Path, postgres_port: int, postgres_account: str
) -> Mapping[str, Any]:
    """Return the settings: one listener on loopback, registration open, presence off."""
    return {
        "server_name": DOMAIN,
        "report_stats": False,
        "pid_file": str(folder / "synapse.pid"),
        "signing_key_path": str(folder / "signing.key"),
        "media_store_path": str(folder / "media"),
        "log_config": str(folder / "log.yaml"),
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "bcrypt_rounds": 4,
        "presence": {"enabled": False},
        "filter_timeline_limit": TIMELINE_LIMIT,
        "listeners": [
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "tls": False,
                "resources": [{"names": ["client"]}],
            }
        ],
        "database": {
            "name": "psycopg2",
            "args": {
                "host": "127.0.0.1",
                "port": postgres_port,
                "user": postgres_account,
                "dbname": DATABASE,
                "cp_min": 5,
                "cp_max": 10,
            },
        },
        **_limits(),
    }


def log_settings() -> Mapping[str, Any]:
    """Return the settings of Python's logging: warnings, to the process's own output."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
    }


def as_yaml(told: Mapping[str, Any]) -> str:
    """Return settings as YAML, of which JSON is a subset."""
    return json.dumps(told, indent=2)


def _limits() -> Mapping[str, Any]:
    lifted: dict[str, Any] = {}
    for limit in LIMITS:
        name, _, part = limit.partition(".")
        if part:
            lifted.setdefault(name, {})[part] = UNLIMITED
        else:
            lifted[name] = UNLIMITED
    return lifted
