"""The Kubernetes manifests, rendered as they are applied: valid, hardened, configured."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from plexuskit.config import ServiceSettings
from plexuskit.grpc.certificates import server_name, spiffe_id
from plexuskit.kafka.grants import PROVISIONING, user_of
from plexuskit.kafka.security import protocol_of

VERSION = "1.37"
CREDENTIALS = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
components: [{component}]
"""
pytestmark = pytest.mark.timeout(700)  # the first test may have to build kustomize

# Values that an overlay must set because base cannot know them; pods do not start without.
REQUIRED = {"trusted-proxies": '["10.8.0.0/16"]'}
# Kinds of cert-manager, which the schemas of Kubernetes do not contain.
FOREIGN = {"Certificate", "Issuer"}
NAME, ROLE = "app.kubernetes.io/name", "app.kubernetes.io/component"
OPS = 9000

Document = dict[str, Any]
Accept = Callable[..., ServiceSettings]


class Rendered:
    """The documents that one folder renders to."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents

    def of_kind(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] in kinds]

    @property
    def deployments(self) -> list[Document]:
        return self.of_kind("Deployment")

    def environment(self, workload: Document) -> dict[str, str]:
        """Return the environment of the pods, with placeholder values for entries of a Secret."""
        maps = {found["metadata"]["name"]: found["data"] for found in self.of_kind("ConfigMap")}
        values = {}
        for entry in container(workload).get("env", []):
            source = entry.get("valueFrom", {})
            if "configMapKeyRef" in source:
                reference = source["configMapKeyRef"]
                found = REQUIRED | maps[reference["name"]]
                values[entry["name"]] = found[reference["key"]]
            elif "secretKeyRef" in source:
                values[entry["name"]] = "from-a-secret"
            else:
                values[entry["name"]] = entry["value"]
        return values


@pytest.fixture
def rendered(manifests: list[Document]) -> Rendered:
    return Rendered(manifests)


def pod(workload: Document) -> Document:
    spec: Document = workload["spec"]["template"]["spec"]
    return spec


def labels(workload: Document) -> Mapping[str, str]:
    found: Mapping[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def container(workload: Document) -> Document:
    (only,) = pod(workload)["containers"]
    found: Document = only
    return found


def name(document: Document) -> str:
    found: str = document["metadata"]["name"]
    return found


def selected_roles(workload: Document) -> list[str]:
    words: list[str] = container(workload)["args"]
    assert words[::2] == ["--role"] * (len(words) // 2)
    return words[1::2]


# --- validation by a cluster -------------------------------------------------------------------


def test_every_document_is_valid(rendered: Rendered) -> None:
    assert rendered.documents
    for document in rendered.documents:
        if document["kind"] not in FOREIGN:
            kubernetes_validate.validate(document, VERSION, strict=True)


def test_everything_is_in_one_namespace(rendered: Rendered) -> None:
    (namespace,) = rendered.of_kind("Namespace")
    for document in rendered.documents:
        if document is not namespace:
            assert document["metadata"]["namespace"] == name(namespace)


def test_names_are_unique_and_selectors_select_their_own_pods(rendered: Rendered) -> None:
    named = [(document["kind"], name(document)) for document in rendered.documents]
    assert len(set(named)) == len(named)
    for deployment in rendered.deployments:
        wanted = deployment["spec"]["selector"]["matchLabels"]
        matching = [other for other in rendered.deployments if matches(wanted, labels(other))]
        assert matching == [deployment]


# --- how a pod runs ----------------------------------------------------------------------------


def test_every_deployment_is_probed_on_the_ops_port(rendered: Rendered) -> None:
    for deployment in rendered.deployments:
        runs = container(deployment)
        ports = {port["name"]: port["containerPort"] for port in runs["ports"]}
        assert ports["ops"] == OPS
        probed = {
            probe: (runs[probe]["httpGet"]["path"], runs[probe]["httpGet"]["port"])
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert probed == {
            "startupProbe": ("/livez", "ops"),
            "livenessProbe": ("/livez", "ops"),
            "readinessProbe": ("/readyz", "ops"),
        }


def test_every_pod_has_requests_and_limits(rendered: Rendered) -> None:
    for workload in rendered.of_kind("Deployment", "Job"):
        resources = container(workload)["resources"]
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}


def test_every_pod_may_do_nothing_but_run(rendered: Rendered) -> None:
    for workload in rendered.of_kind("Deployment", "Job"):
        runs, spec = container(workload)["securityContext"], pod(workload)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert runs["readOnlyRootFilesystem"] is True
        assert runs["allowPrivilegeEscalation"] is False
        assert runs["capabilities"] == {"drop": ["ALL"]}
        assert spec["automountServiceAccountToken"] is False


def test_every_pod_has_an_account_of_its_service(rendered: Rendered) -> None:
    accounts = {name(account): account for account in rendered.of_kind("ServiceAccount")}
    for workload in rendered.of_kind("Deployment", "Job"):
        assert pod(workload)["serviceAccountName"] == labels(workload)[NAME]
        assert accounts[labels(workload)[NAME]]["automountServiceAccountToken"] is False


def test_a_stop_has_time_and_a_rollout_loses_nobody(rendered: Rendered, accepted: Accept) -> None:
    for deployment in rendered.deployments:
        spec = pod(deployment)
        before = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
        settings = accepted(
            service=labels(deployment)[NAME], environment=rendered.environment(deployment)
        )
        assert spec["terminationGracePeriodSeconds"] == 30
        assert before + settings.ops.stop_seconds < spec["terminationGracePeriodSeconds"]
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_replicas_are_spread(rendered: Rendered) -> None:
    for deployment in rendered.deployments:
        constraints = pod(deployment)["topologySpreadConstraints"]
        keys = {constraint["topologyKey"] for constraint in constraints}
        assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        for constraint in constraints:
            assert matches(constraint["labelSelector"]["matchLabels"], labels(deployment))
            assert {NAME, ROLE} <= set(constraint["matchLabelKeys"])


def test_every_deployment_has_one_disruption_budget_that_lets_a_node_drain(
    rendered: Rendered,
) -> None:
    budgets = rendered.of_kind("PodDisruptionBudget")
    assert len(budgets) == len(rendered.deployments)
    for deployment in rendered.deployments:
        (budget,) = (
            found
            for found in budgets
            if matches(found["spec"]["selector"]["matchLabels"], labels(deployment))
        )
        assert budget["spec"]["maxUnavailable"] == 1


def test_images_have_a_version_and_no_registry(rendered: Rendered) -> None:
    for workload in rendered.of_kind("Deployment", "Job"):
        image, _, tag = container(workload)["image"].partition(":")
        assert image.startswith("plexus/")
        assert tag not in {"", "latest"}


# --- configuration of a pod --------------------------------------------------------------------


def test_every_service_starts_with_its_settings(
    rendered: Rendered, services: list[str], accepted: Accept
) -> None:
    configured = set()
    for workload in rendered.of_kind("Deployment", "Job"):
        service = labels(workload)[NAME]
        if service in services:
            settings = accepted(service=service, environment=rendered.environment(workload))
            configured.add(service)
            assert settings.ops.port == OPS
            assert settings.ops.host == "0.0.0.0"
    assert configured == set(services)


def test_every_role_of_every_service_runs_once(
    rendered: Rendered, services: list[str], roles: Callable[[str], set[str]]
) -> None:
    run: dict[str, list[str]] = {service: [] for service in services}
    for deployment in rendered.deployments:
        service = labels(deployment)[NAME]
        run[service] += selected_roles(deployment)
        assert selected_roles(deployment) == [labels(deployment)[ROLE]]
        assert container(deployment)["image"].startswith(f"plexus/{service}:")
    assert {service: sorted(found) for service, found in run.items()} == {
        service: sorted(roles(service)) for service in services
    }


def test_a_port_that_is_served_is_the_one_that_is_set(rendered: Rendered, accepted: Accept) -> None:
    for deployment in rendered.deployments:
        service = labels(deployment)[NAME]
        settings: Any = accepted(service=service, environment=rendered.environment(deployment))
        ports = {port["name"]: port["containerPort"] for port in container(deployment)["ports"]}
        assert ("grpc" in ports) == ("api" in selected_roles(deployment))
        assert {found: getattr(settings, found).port for found in ports} == ports
        assert {getattr(settings, found).host for found in ports} == {"0.0.0.0"}


def test_peers_are_services_whose_every_pod_is_seen(
    rendered: Rendered, services: list[str]
) -> None:
    headless = {name(found): found for found in rendered.of_kind("Service")}
    for deployment in rendered.deployments:
        for peer, address in peers(rendered, deployment).items():
            assert peer in services
            host, _, port = address.partition(":")
            spec = headless[host]["spec"]
            assert spec["clusterIP"] == "None"
            assert int(port) in {offered["port"] for offered in spec["ports"]}
            (target,) = (
                other for other in rendered.deployments if matches(spec["selector"], labels(other))
            )
            assert labels(target)[NAME] == peer


def peers(rendered: Rendered, workload: Document) -> dict[str, str]:
    prefix = f"{labels(workload)[NAME].upper()}_PEERS__"
    return {
        variable.removeprefix(prefix).lower(): value
        for variable, value in rendered.environment(workload).items()
        if variable.startswith(prefix)
    }


def test_keys_are_files_of_a_secret_that_is_mounted_to_be_read(rendered: Rendered) -> None:
    for workload in rendered.of_kind("Deployment", "Job"):
        volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
        mounts = {mount["mountPath"]: mount for mount in container(workload)["volumeMounts"]}
        for variable, path in rendered.environment(workload).items():
            if variable.endswith("_KEYS_FILE"):
                mount = mounts[str(Path(path).parent)]
                assert mount["readOnly"] is True
                assert volumes[mount["name"]]["secret"]["defaultMode"] == 0o440


def test_no_secret_is_contained(rendered: Rendered) -> None:
    assert not rendered.of_kind("Secret")
    for shared in rendered.of_kind("ConfigMap"):
        assert not [value for value in shared["data"].values() if "@" in value.partition("//")[2]]
    for workload in rendered.of_kind("Deployment", "Job"):
        for entry in container(workload).get("env", []):
            if entry["name"].endswith(("_SECRET", "_PASSWORD")):
                assert set(entry) == {"name", "valueFrom"}
                assert set(entry["valueFrom"]) == {"secretKeyRef"}


def test_the_readme_says_how_each_secret_is_made(rendered: Rendered, root: Path) -> None:
    readme = (root / "deploy/k8s/README.md").read_text(encoding="utf-8")
    wanted = {"plexus-urls"}
    for workload in rendered.of_kind("Deployment", "Job"):
        volumes = pod(workload)["volumes"]
        wanted |= {found["secret"]["secretName"] for found in volumes if "secret" in found}
        sources = [entry.get("valueFrom", {}) for entry in container(workload).get("env", [])]
        wanted |= {found["secretKeyRef"]["name"] for found in sources if "secretKeyRef" in found}
    per_service = ("plexus-caller-", "plexus-kafka-")
    assert not [each for each in per_service if f"secret generic {each}$service" not in readme]
    made = ("plexus-tls-", *per_service)  # cert-manager creates the first
    others = {secret for secret in wanted if not secret.startswith(made)}
    assert not [secret for secret in others if f"secret generic {secret}" not in readme]


@pytest.mark.rule("GW-12")
def test_every_pod_that_reaches_kafka_has_a_user_over_tls(
    rendered: Rendered, services: list[str], accepted: Accept
) -> None:
    seen = set()
    for workload in rendered.of_kind("Deployment"):
        service = labels(workload)[NAME]
        settings: Any = accepted(service=service, environment=rendered.environment(workload))
        assert protocol_of(settings.kafka) == "SASL_SSL"
        assert settings.kafka.user == user_of(service)
        mounted_from(workload, settings.kafka.password_file, f"plexus-kafka-{service}")
        mounted_from(workload, settings.kafka.ca_file, f"plexus-kafka-{service}")
        seen.add(service)
    assert seen == set(services)
    (job,) = (each for each in rendered.of_kind("Job") if name(each) == "provision-topics")
    words = " ".join(container(job)["command"])
    for said in (f'user="{PROVISIONING}"', "password_file=", "ca_file="):
        assert said in words
    mounted_from(job, Path("/etc/plexus/kafka/password"), "plexus-kafka-provisioning")


def mounted_from(workload: Document, file: Path, secret: str) -> None:
    """Check that a file comes from a Secret and is mounted read-only."""
    volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container(workload)["volumeMounts"]}
    mount = mounts[str(file.parent)]
    assert mount["readOnly"] is True
    assert volumes[mount["name"]]["secret"] == {"secretName": secret, "defaultMode": 0o440}


def test_what_base_cannot_know_is_said_by_every_overlay(
    rendered: Rendered, request: pytest.FixtureRequest
) -> None:
    (settings,) = (
        found["data"]
        for found in rendered.of_kind("ConfigMap")
        if name(found).startswith("plexus-settings")
    )
    is_base = "base]" in request.node.name
    assert REQUIRED.keys().isdisjoint(settings) if is_base else REQUIRED.keys() <= settings.keys()


def test_mail_leaves_encrypted(rendered: Rendered, accepted: Accept) -> None:
    for workload in rendered.deployments:
        if labels(workload)[NAME] == "notify":
            settings: Any = accepted(service="notify", environment=rendered.environment(workload))
            assert settings.smtp.starttls or settings.smtp.tls


@pytest.mark.rule("GW-12")
def test_the_shipped_overlay_has_certificates_and_a_mongodb_user_for_every_service(
    root: Path, kustomize: Callable[[Path], str], services: list[str]
) -> None:
    shipped = Rendered(list(yaml.safe_load_all(kustomize(root / "deploy/k8s/overlays/dev"))))
    certified = {found["spec"]["secretName"] for found in shipped.of_kind("Certificate")}
    assert {f"plexus-tls-{service}" for service in services} <= certified
    for workload in shipped.deployments:
        variables = {entry["name"]: entry for entry in container(workload)["env"]}
        service = labels(workload)[NAME].upper()
        assert f"{service}_TLS__CERT_FILE" in variables
        url = variables.get(f"{service}_MONGO__URL")
        assert url is None or "secretKeyRef" in url["valueFrom"]


def test_images_can_be_pinned_by_digest(
    root: Path, kustomize: Callable[[Path], str], tmp_path: Path, services: list[str]
) -> None:
    digest = f"sha256:{'0123456789abcdef' * 4}"
    images = "".join(
        f"  - {{name: plexus/{service}, newName: registry.example/{service}, digest: {digest}}}\n"
        for service in services
    )
    base = os.path.relpath(root / "deploy/k8s/base", tmp_path)
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    (tmp_path / "kustomization.yaml").write_text(f"{head}resources: [{base}]\nimages:\n{images}")
    pinned = Rendered(list(yaml.safe_load_all(kustomize(tmp_path))))

    for workload in pinned.of_kind("Deployment", "Job"):
        image, _, found = container(workload)["image"].partition("@")
        assert found == digest
        assert image.startswith("registry.example/")
    readme = (root / "deploy/k8s/README.md").read_text(encoding="utf-8")
    assert "digest: sha256:" in readme


def test_urls_with_passwords_can_come_from_a_secret(
    root: Path, kustomize: Callable[[Path], str], tmp_path: Path, accepted: Accept
) -> None:
    manifests = root / "deploy/k8s"
    text = CREDENTIALS.format(
        base=os.path.relpath(manifests / "base", tmp_path),
        component=os.path.relpath(manifests / "components/credentials", tmp_path),
    )
    (tmp_path / "kustomization.yaml").write_text(text)
    secured = Rendered(list(yaml.safe_load_all(kustomize(tmp_path))))

    moved = set()
    for deployment in secured.deployments:
        service = labels(deployment)[NAME]
        accepted(service=service, environment=secured.environment(deployment))
        for entry in container(deployment)["env"]:
            if entry["name"].endswith(("_MONGO__URL", "_OPENSEARCH__URL")):
                assert set(entry["valueFrom"]) == {"secretKeyRef"}
                assert entry["valueFrom"]["secretKeyRef"]["name"] == "plexus-urls"
                moved.add(service)
    assert moved == {"audit", "directory", "messaging", "notify", "search", "tasks"}


def test_gw_01_each_service_can_have_a_certificate_that_names_it(
    root: Path,
    kustomize: Callable[[Path], str],
    tmp_path: Path,
    services: list[str],
    accepted: Accept,
) -> None:
    manifests = root / "deploy/k8s"
    text = CREDENTIALS.format(
        base=os.path.relpath(manifests / "base", tmp_path),
        component=os.path.relpath(manifests / "components/mtls", tmp_path),
    )
    (tmp_path / "kustomization.yaml").write_text(text)
    secured = Rendered(list(yaml.safe_load_all(kustomize(tmp_path))))

    certificates = {found["spec"]["secretName"]: found for found in secured.of_kind("Certificate")}
    named = set()
    for deployment in secured.deployments:
        kubernetes_validate.validate(deployment, VERSION, strict=True)
        service = labels(deployment)[NAME]
        settings = accepted(service=service, environment=secured.environment(deployment))
        assert settings.tls is not None
        files = (settings.tls.cert_file, settings.tls.key_file, settings.tls.ca_file)
        assert [file.name for file in files] == ["tls.crt", "tls.key", "ca.crt"]
        (mount,) = (
            mount
            for mount in container(deployment)["volumeMounts"]
            if {str(file.parent) for file in files} == {mount["mountPath"]}
        )
        (volume,) = (each for each in pod(deployment)["volumes"] if each["name"] == mount["name"])
        spec = certificates[volume["secret"]["secretName"]]["spec"]
        assert (mount["readOnly"], volume["secret"]["defaultMode"]) == (True, 0o440)
        assert spec["uris"] == [spiffe_id(service)]
        assert spec["dnsNames"] == [server_name(service)]
        assert set(spec["usages"]) == {"server auth", "client auth"}
        named.add(service)
    assert named == set(services)


def matches(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    return wanted.items() <= found.items()
