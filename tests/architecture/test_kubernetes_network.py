"""Network policies of the manifests, evaluated as a cluster does: allowed connections of pods."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(700)  # the first test may have to build kustomize

NAME = "app.kubernetes.io/name"
HOME, BACKENDS, INGRESS, MONITORING = "", "plexus-backends", "plexus-ingress", "monitoring"
GRPC, HTTP, OPS = 7000, 8080, 9000
PUBLISHES_OR_READS = {"relay", "consumer", "consumers", "indexer", "recorder"}
# Additional readers: the gateway reads every partition; messaging reads signals; notify's status
# counts dead letters; services that show or write content follow directory's roles and policies
# (GW-10); the scheduler of tasks follows the time zones of people (TSK-3).
ALSO_READ = {
    "audit-api",
    "gateway",
    "messaging-api",
    "messaging-scheduler",
    "notify-api",
    "notify-sender",
    "search-api",
    "tasks-api",
    "tasks-scheduler",
}

Document = dict[str, Any]
Manifests = list[Document]


def of_kind(manifests: Manifests, *kinds: str) -> Manifests:
    return [document for document in manifests if document["kind"] in kinds]


def deployments(manifests: Manifests) -> Manifests:
    return of_kind(manifests, "Deployment")


def pods(manifests: Manifests) -> Manifests:
    return of_kind(manifests, "Deployment", "Job")


def name(document: Document) -> str:
    found: str = document["metadata"]["name"]
    return found


def labels(workload: Document) -> Mapping[str, str]:
    found: Mapping[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def container(workload: Document) -> Document:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    found: Document = only
    return found


def variables(workload: Document) -> list[str]:
    return [entry["name"] for entry in container(workload).get("env", [])]


def peers(workload: Document) -> set[str]:
    """Return the services that a service is configured to call."""
    prefix = f"{labels(workload)[NAME].upper()}_PEERS__"
    return {
        variable.removeprefix(prefix).lower()
        for variable in variables(workload)
        if variable.startswith(prefix)
    }


def test_nothing_goes_in_or_out_by_default(manifests: Manifests) -> None:
    (deny,) = (
        policy for policy in of_kind(manifests, "NetworkPolicy") if name(policy) == "default-deny"
    )
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for deployment in deployments(manifests):
        own = [
            policy
            for policy in of_kind(manifests, "NetworkPolicy")
            if policy["spec"]["podSelector"] and selects(policy, deployment)
        ]
        assert own, f"no policy speaks of {name(deployment)}"


def test_only_those_with_a_database_reach_mongo(manifests: Manifests) -> None:
    for workload in pods(manifests):
        wanted = any("_MONGO__URL" in key for key in variables(workload))
        assert goes_to(manifests, workload, BACKENDS, {NAME: "mongodb"}, 27017) == wanted


def test_only_search_reaches_opensearch(manifests: Manifests) -> None:
    for workload in pods(manifests):
        wanted = labels(workload)[NAME] == "search"
        assert goes_to(manifests, workload, BACKENDS, {NAME: "opensearch"}, 9200) == wanted


def test_only_those_that_publish_or_read_reach_kafka(manifests: Manifests) -> None:
    for deployment in deployments(manifests):
        publishes_or_reads = PUBLISHES_OR_READS & set(container(deployment)["args"])
        wanted = name(deployment) in ALSO_READ or bool(publishes_or_reads)
        assert goes_to(manifests, deployment, BACKENDS, {NAME: "kafka"}, 9092) == wanted


def test_only_the_sender_reaches_mail_servers(manifests: Manifests) -> None:
    for deployment in deployments(manifests):
        for port in (25, 465, 587):
            reached = goes_to(manifests, deployment, "anywhere", {}, port)
            assert reached == (name(deployment) == "notify-sender")


def test_only_directory_reaches_the_company_s_openid_provider(manifests: Manifests) -> None:
    for deployment in deployments(manifests):
        reached = goes_to(manifests, deployment, "anywhere", {}, 443)
        assert reached == (name(deployment) == "directory-api")


def test_everything_resolves_names_and_sends_traces(manifests: Manifests) -> None:
    collector = {NAME: "opentelemetry-collector"}
    for workload in pods(manifests):
        for protocol in ("UDP", "TCP"):
            resolver = {"k8s-app": "kube-dns"}
            assert goes_to(manifests, workload, "kube-system", resolver, 53, protocol=protocol)
        assert goes_to(manifests, workload, MONITORING, collector, 4317)


def test_gw_01_a_service_is_reached_by_the_gateway_and_by_those_who_ask_its_authority(
    manifests: Manifests,
) -> None:
    asked = set()
    for caller in deployments(manifests):
        for owner in deployments(manifests):
            leaves = goes_to(manifests, caller, HOME, labels(owner), GRPC)
            enters = comes_from(manifests, owner, HOME, labels(caller), GRPC)
            assert leaves == enters, f"{name(caller)} → {name(owner)} is open on one side only"
            if leaves:
                assert labels(owner)[NAME] in peers(caller)
                asked.add((labels(caller)[NAME], labels(owner)[NAME]))
    wanted = {
        (labels(caller)[NAME], peer) for caller in deployments(manifests) for peer in peers(caller)
    }
    assert asked == wanted


def test_clients_reach_the_gateway_through_the_ingress_only(manifests: Manifests) -> None:
    for deployment in deployments(manifests):
        is_door = labels(deployment)[NAME] == "gateway"
        for port in (GRPC, HTTP):
            assert comes_from(manifests, deployment, INGRESS, {}, port) == is_door
            assert not comes_from(manifests, deployment, "elsewhere", {}, port)


def test_metrics_are_for_monitoring_only(manifests: Manifests) -> None:
    for deployment in deployments(manifests):
        assert comes_from(manifests, deployment, MONITORING, {}, OPS)
        for other in (HOME, INGRESS, BACKENDS):
            assert not comes_from(manifests, deployment, other, labels(deployment), OPS)


# --- network policies, evaluated as a cluster does ---------------------------------------------


def matches(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    return wanted.items() <= found.items()


def selects(policy: Document, workload: Document) -> bool:
    return matches_selector(policy["spec"]["podSelector"], labels(workload))


def matches_selector(selector: Document, found: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "this test reads labels only"
    return matches(selector.get("matchLabels", {}), found)


def goes_to(
    manifests: Manifests,
    workload: Document,
    namespace: str,
    target: Mapping[str, str],
    port: int,
    *,
    protocol: str = "TCP",
) -> bool:
    """Return whether pods may connect to pods with these labels; HOME is their own namespace."""
    rules = rules_of(manifests, workload, "egress")
    return any(
        covers(rule, "to", namespace, target) and opens(rule, {port}, protocol) for rule in rules
    )


def comes_from(
    manifests: Manifests, workload: Document, namespace: str, source: Mapping[str, str], port: int
) -> bool:
    """Return whether pods with these labels may connect to a port of these pods."""
    offered = {port} | {
        found["name"] for found in container(workload)["ports"] if found["containerPort"] == port
    }
    rules = rules_of(manifests, workload, "ingress")
    return any(covers(rule, "from", namespace, source) and opens(rule, offered) for rule in rules)


def rules_of(manifests: Manifests, workload: Document, direction: str) -> Iterator[Document]:
    for policy in of_kind(manifests, "NetworkPolicy"):
        if selects(policy, workload):
            yield from policy["spec"].get(direction, [])


def covers(rule: Document, side: str, namespace: str, found: Mapping[str, str]) -> bool:
    if side not in rule:
        return True
    for entry in rule[side]:
        spaces = entry.get("namespaceSelector")
        there = (
            namespace == HOME
            if spaces is None
            else matches_selector(spaces, {"kubernetes.io/metadata.name": namespace})
        )
        if there and matches_selector(entry.get("podSelector", {}), found):
            return True
    return False


def opens(rule: Document, wanted: set[int | str] | set[int], protocol: str = "TCP") -> bool:
    return any(
        entry["port"] in wanted and entry.get("protocol", "TCP") == protocol
        for entry in rule["ports"]
    )
