"""Keys of an installation: created once, and rotated while services restart one after the other."""

import importlib.util
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from plexus.authz.v1.caller_pb2 import CallerContext
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, TlsSection
from plexuskit.grpc import CallerSigner, CallerTokens, CallerVerifier
from plexuskit.grpc.caller import CallerContextInvalid
from plexuskit.grpc.certificates import watched_certificates

Run = Callable[..., int]


@pytest.fixture
def run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a step of the script on `tmp_path/keys` and return its exit code."""
    path = root / "deploy/compose/make_keys.py"
    spec = importlib.util.spec_from_file_location("make_keys", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def step(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "keys"), *arguments])
        try:
            script.main()
        except SystemExit as refused:
            return 1 if refused.code else 0
        return 0

    return step


def snapshot(keys: Path) -> dict[str, str]:
    """Return the current caller keys by service, as a process reads them at its start."""
    return {path.parent.name: path.read_text() for path in keys.glob("*/caller.json")}


def accepts(folder: Path, *, signer: str, verifier: str) -> bool:
    """Return whether a service with the one file accepts signatures made with the other."""
    signing, verifying = folder / "signing.json", folder / "verifying.json"
    signing.write_text(signer)
    verifying.write_text(verifier)
    tokens = CallerTokens(
        CallerSigner(CallerSection(keys_file=signing)),
        CallerContext(kind=CallerContext.KIND_SERVICE),
        clock=SystemClock(),
    )
    try:
        CallerVerifier(CallerSection(keys_file=verifying), "tasks").verify(
            tokens.for_audience("tasks")
        )
    except CallerContextInvalid:
        return False
    return True


def test_keys_are_made_once_and_for_every_service(
    run: Run, tmp_path: Path, services: list[str]
) -> None:
    keys = tmp_path / "keys"
    assert run() == 0
    made = snapshot(keys)
    own = [keys / "directory/tokens.json", keys / "directory/secrets.json"]
    before = [path.read_text() for path in own]
    assert sorted(made) == services
    assert {path.stat().st_mode & 0o777 for path in keys.glob("*/*.json")} == {0o600}

    assert run() == 0
    assert snapshot(keys) == made
    assert [path.read_text() for path in own] == before


def test_gw_01_certificates_are_each_services_own(
    run: Run, tmp_path: Path, services: list[str]
) -> None:
    keys = tmp_path / "keys"
    assert run("--certificates") == 0

    for service in services:
        files = (keys / service / name for name in ("tls.crt", "tls.key", "ca.crt"))
        section = TlsSection(**dict(zip(TlsSection.model_fields, files, strict=True)))
        assert watched_certificates(section, service=service).look().ca
    assert {path.stat().st_mode & 0o777 for path in keys.glob("*/tls.key")} == {0o600}


def test_each_file_holds_one_private_key(run: Run, tmp_path: Path) -> None:
    run()
    for service, text in snapshot(tmp_path / "keys").items():
        assert json.loads(text)["signing"]["id"] == service
        assert text.count('"private"') == 1


def test_gw_01_a_rotation_is_understood_by_all_at_every_moment(run: Run, tmp_path: Path) -> None:
    run()
    stages = [snapshot(tmp_path / "keys")]
    for step in ("--announce", "--switch", "--retire"):
        assert run(step) == 0
        stages.append(snapshot(tmp_path / "keys"))

    for before, after in pairwise(stages):
        # During a rollout some services have restarted and others have not.
        for signer in (before, after):
            for verifier in (before, after):
                assert accepts(tmp_path, signer=signer["gateway"], verifier=verifier["tasks"])
    assert not accepts(tmp_path, signer=stages[0]["gateway"], verifier=stages[-1]["tasks"])


@pytest.mark.parametrize(
    "steps",
    [["--switch"], ["--announce", "--announce"], ["--announce", "--retire"]],
    ids=" ".join,
)
def test_steps_out_of_order_change_nothing(run: Run, tmp_path: Path, steps: list[str]) -> None:
    run()
    *before, wrong = steps
    for step in before:
        assert run(step) == 0
    held = snapshot(tmp_path / "keys")
    assert run(wrong) == 1
    assert snapshot(tmp_path / "keys") == held
