"""Configuration of ejabberd: all storage in SQL, no traffic shaping."""

import json
from collections.abc import Mapping
from typing import Any, Final

DOMAIN: Final = "localhost"
ROOMS: Final = f"conference.{DOMAIN}"
DATABASE: Final = "ejabberd"


def settings(*, port: int, postgres_port: int, postgres_account: str) -> Mapping[str, Any]:
    """Return the settings: one listener without TLS and shaper, archives in SQL for all."""
    return {
        "hosts": [DOMAIN],
        "loglevel": "warning",
        "default_db": "sql",
        "auth_method": ["sql"],
        "auth_password_format": "plain",
        "sql_type": "pgsql",
        "sql_server": "127.0.0.1",
        "sql_port": postgres_port,
        "sql_database": DATABASE,
        "sql_username": postgres_account,
        "sql_password": "",
        "registration_timeout": "infinity",
        "max_fsm_queue": 100_000,
        "listen": [{"port": port, "ip": "127.0.0.1", "module": "ejabberd_c2s"}],
        "modules": {
            "mod_mam": {"db_type": "sql", "default": "always", "assume_mam_usage": True},
            "mod_muc": {
                "db_type": "sql",
                "host": ROOMS,
                "max_users": 5000,
                "default_room_options": {"mam": True, "persistent": True, "max_users": 5000},
            },
            "mod_stream_mgmt": {},
        },
    }


def as_yaml(told: Mapping[str, Any]) -> str:
    """Return settings as YAML, of which JSON is a subset."""
    return json.dumps(told, indent=2)
