#!/usr/bin/env python
"""Creation and rotation of the keys that the services of one installation share.

    make_keys.py DIR            creates missing keys
    make_keys.py DIR --announce creates the next keys; all services accept them, none signs yet
    make_keys.py DIR --switch   all services sign with the next keys and still accept the old ones
    make_keys.py DIR --retire   removes the old keys
    make_keys.py DIR --certificates
                                creates missing keys, and new certificates for every service

A rotation consists of these three steps in this order, each loaded by every service before the
next: a process reloads its file when it has changed, and signatures of an old key are valid for a
minute. The script writes `DIR/<service>/caller.json` for each service, `DIR/directory/tokens.json`
and `DIR/directory/secrets.json`; between `--announce` and `--switch` the next private keys are in
`DIR/next.json`. Passwords of MongoDB and Kafka are created once: `DIR/<service>/mongo-password` and
`kafka-password`, those of the operator in `DIR/operator`, all of them in `DIR/provisioning` for
`provision_servers.py`. With `--servers` the files for the two servers of compose are in `DIR/mongo`
and `DIR/kafka`. With `--owner UID` the services' files belong to that user. Certificates are valid
for 90 days on one machine; the key of their authority is not stored, so all are created at once.
Needs plexuskit and directory, which the image plexus/directory contains.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from directory.accounts.store import load_or_create, load_or_create_sealing
from plexus_local import server_files
from plexus_local.certificates import CertificateAuthority
from plexuskit.clock import SystemClock
from plexuskit.grpc.keys import generate_keys, owner_of

SERVICES = ("directory", "messaging", "tasks", "notify", "search", "audit", "gateway")
CERTIFICATE_LIFE = timedelta(days=90)
Keys = dict[str, dict[str, Any]]


def main() -> None:
    """Run the step that the arguments name."""
    parser = argparse.ArgumentParser(description="Make or rotate the keys of an installation.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--owner", type=int, help="numeric id of the user who shall read them")
    step = parser.add_mutually_exclusive_group()
    parser.add_argument("--servers", action="store_true", help="files of the servers of compose")
    for name in ("announce", "switch", "retire"):
        step.add_argument(f"--{name}", dest="step", action="store_const", const=name)
    step.add_argument("--certificates", dest="step", action="store_const", const="certificates")
    chosen = parser.parse_args()

    match chosen.step:
        case None:
            make_missing(chosen.folder)
        case "certificates":
            make_missing(chosen.folder)
            make_certificates(chosen.folder)
        case "announce":
            announce(chosen.folder)
        case "switch":
            switch(chosen.folder)
        case "retire":
            retire(chosen.folder)
    if chosen.servers:
        server_files.make(chosen.folder)
    if chosen.owner is not None:
        hand_over(chosen.folder, owner=chosen.owner)


def make_missing(folder: Path) -> None:
    """Create the callers' keys unless all exist, and those of access tokens and stored secrets."""
    if not all(_caller(folder, service).is_file() for service in SERVICES):
        _write_all(folder, generate_keys(SERVICES))
    load_or_create(folder / "directory/tokens.json", now=SystemClock().now())
    load_or_create_sealing(folder / "directory/secrets.json", now=SystemClock().now())
    server_files.make_passwords(folder, services=SERVICES)


def make_certificates(folder: Path) -> None:
    """Create an authority, and a certificate for each service beside its keys."""
    authority = CertificateAuthority(life=CERTIFICATE_LIFE)
    for service in SERVICES:
        authority.install(folder, service)


def announce(folder: Path) -> None:
    """Create the next keys and let every service accept them."""
    now = _read_all(folder)
    if (folder / "next.json").exists():
        sys.exit("A rotation is under way: --switch comes next.")

    generation = SystemClock().now().strftime("%Y%m%d%H%M%S")
    retiring = {key: value for keys in now.values() for key, value in keys["verifying"].items()}
    following = generate_keys(SERVICES, generation=generation, retiring=retiring)
    _write(folder / "next.json", following)
    accepted = following[SERVICES[0]]["verifying"]
    _write_all(folder, {name: keys | {"verifying": accepted} for name, keys in now.items()})


def switch(folder: Path) -> None:
    """Let every service sign with the next keys."""
    waiting = folder / "next.json"
    if not waiting.is_file():
        sys.exit("There are no next keys: --announce comes first.")
    _write_all(folder, json.loads(waiting.read_text()))
    waiting.unlink()


def retire(folder: Path) -> None:
    """Remove the old public keys, which no service signs with any more."""
    if (folder / "next.json").exists():
        sys.exit("A rotation is under way: --switch comes next.")
    now = _read_all(folder)
    signing = {keys["signing"]["id"] for keys in now.values()}
    for service, keys in now.items():
        kept = {key: value for key, value in keys["verifying"].items() if key in signing}
        if {owner_of(key) for key in kept} != set(SERVICES):
            sys.exit(f"{service} does not know everybody's key; nothing was changed.")
        now[service] = keys | {"verifying": kept}
    _write_all(folder, now)


def hand_over(folder: Path, *, owner: int) -> None:
    """Change the owner of each service's folder and files."""
    for service in SERVICES:
        for path in (folder / service, *(folder / service).iterdir()):
            os.chown(path, owner, owner)
    for path in ((folder / "provisioning"), *(folder / "provisioning").rglob("*")):
        os.chown(path, owner, owner)


def _caller(folder: Path, service: str) -> Path:
    return folder / service / "caller.json"


def _read_all(folder: Path) -> Keys:
    return {name: json.loads(_caller(folder, name).read_text()) for name in SERVICES}


def _write_all(folder: Path, keys: Keys) -> None:
    for service, content in keys.items():
        _write(_caller(folder, service), content)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file atomically, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    beside.replace(path)


if __name__ == "__main__":
    main()
