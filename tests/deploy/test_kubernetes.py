"""The manifests: each against Kubernetes' own schemas, all of them against one another and the command line."""

from __future__ import annotations

import re
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot.cli import app
from bot.settings import Settings
from workers.routing import QUEUES
from workers.store import keys
from workers.worker.gpu_worker import GRACE_S

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
FOLDER = Path(__file__).resolve().parents[2] / "deploy/kubernetes"
CUSTOM = ("keda.sh/", "kustomize.config.k8s.io/")


def manifests() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted(FOLDER.rglob("*.yaml")):
        documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        found += [(f"{path.relative_to(FOLDER)}:{document['kind']}", document) for document in documents]
    return found


ALL = manifests()
CORE = [(name, document) for name, document in ALL if not document["apiVersion"].startswith(CUSTOM)]
PODS = [(name, document) for name, document in CORE if document["kind"] in ("Deployment", "StatefulSet")]
WORKERS = [(name, document) for name, document in PODS if "worker" in document["metadata"]["name"]]


def title(value: object) -> str:
    return value if isinstance(value, str) else "-"


def one(kind: str, name: str) -> Any:
    (found,) = (doc for _, doc in ALL if doc["kind"] == kind and doc["metadata"]["name"] == name)
    return found


def pod(document: dict[str, Any]) -> Any:
    return document["spec"]["template"]["spec"]


@pytest.mark.parametrize(("name", "document"), CORE, ids=title)
def test_kubernetes_knows_every_field(name: str, document: dict[str, Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    validate.validate(document, validate.latest_version(), strict=True)
    broken = document | {"spce": {}}
    with pytest.raises(validate.ValidationError):
        validate.validate(broken, validate.latest_version(), strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on this machine")
def test_kustomize_puts_the_example_together() -> None:
    command = ["kubectl", "kustomize", str(FOLDER / "example")]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stderr
    documents = list(yaml.safe_load_all(made.stdout))
    names = {document["metadata"]["name"] for document in documents if document["kind"] == "Deployment"}
    assert names == {"discord", "telegram", "web", "exporter", "worker-cpu", "worker-gpu"}
    images = set(re.findall(r"image: (\S+)", made.stdout))
    assert all(image.startswith(("registry.example.org/", "redis:")) for image in images)
    (configuration,) = (doc for doc in documents if doc["kind"] == "ConfigMap" and "redis.conf" in doc["data"])
    assert "appendonly yes" in configuration["data"]["redis.conf"]
    assert configuration["metadata"]["name"] in made.stdout.split("kind: StatefulSet")[1]


@pytest.mark.parametrize(("name", "document"), PODS, ids=title)
def test_pods_are_bounded_and_nobody_special(name: str, document: dict[str, Any]) -> None:
    spec = pod(document)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"] is True
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize(("name", "document"), PODS, ids=title)
def test_commands_and_settings_are_those_of_pastiche(name: str, document: dict[str, Any]) -> None:
    group: Any = typer.main.get_command(app)
    for container in pod(document)["containers"]:
        known = {field.upper() for field in Settings.model_fields} | {"REDIS_PASSWORD"}
        assert {variable["name"] for variable in container.get("env", [])} <= known
        if container.get("args", [""])[0] == "pastiche":
            _, command, *arguments = container["args"]
            group.commands[command].make_context(command, list(arguments))


def test_settings_are_settings_and_none_is_a_secret() -> None:
    assert set(one("ConfigMap", "settings")["data"]) <= {name.upper() for name in Settings.model_fields}
    names = set(one("ConfigMap", "settings")["data"]) - {"WEB_PUBLIC_URL"}
    assert not {name for name in names if re.search("TOKEN|PASSWORD|SECRET|URL", name)}


def test_the_web_chat_is_told_its_address_and_its_proxies() -> None:
    assert {"WEB_PUBLIC_URL", "WEB_TRUSTED_PROXIES"} <= set(one("ConfigMap", "settings")["data"])


def test_the_example_secret_is_empty_and_holds_each_that_is_asked_for() -> None:
    offered = one("Secret", "pastiche")["stringData"]
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.yaml"))
    assert set(re.findall(r"name: pastiche, key: (\w+)", text)) == set(offered)
    assert {value for name, value in offered.items() if name != "REDIS_URL"} == {""}
    assert "secret.example.yaml" not in {
        resource for _, doc in ALL if doc["kind"] == "Kustomization" for resource in doc.get("resources", [])
    }


@pytest.mark.parametrize(("name", "document"), WORKERS, ids=title)
def test_a_worker_has_time_to_hand_its_job_back(name: str, document: dict[str, Any]) -> None:
    (container,) = pod(document)["containers"]
    arguments = container["args"]
    grace_s = float(arguments[arguments.index("--grace") + 1])
    assert grace_s >= GRACE_S
    assert pod(document)["terminationGracePeriodSeconds"] >= grace_s + 10
    health_file = arguments[arguments.index("--health-file") + 1]
    assert container["startupProbe"]["exec"]["command"][-1] == health_file


def test_gpu_workers_go_to_zero_and_come_back_for_whatever_waits_or_runs() -> None:
    spec = one("ScaledObject", "worker-gpu")["spec"]
    target = one("Deployment", spec["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"]  # or each `apply` would overrule KEDA
    assert spec["minReplicaCount"] == 0
    lists = {trigger["metadata"]["listName"] for trigger in spec["triggers"] if trigger["type"] == "redis"}
    assert lists == {name(queue) for queue in QUEUES for name in (keys.rq_queue, keys.rq_started)}
    (age,) = (trigger["metadata"] for trigger in spec["triggers"] if trigger["type"] == "metrics-api")
    assert age["valueLocation"] == 'pastiche_queue_oldest_seconds{queue="fast"}'
    namespace = yaml.safe_load((FOLDER / "example/kustomization.yaml").read_text(encoding="utf-8"))["namespace"]
    for trigger in spec["triggers"]:
        address = trigger["metadata"].get("address") or trigger["metadata"]["url"]
        assert f".{namespace}.svc:" in address  # KEDA asks from its own namespace


def test_budgets_select_pods_that_there_are() -> None:
    labels = [document["spec"]["template"]["metadata"]["labels"] for _, document in PODS]
    budgets = [document for _, document in CORE if document["kind"] == "PodDisruptionBudget"]
    assert {budget["metadata"]["name"] for budget in budgets} == {"redis", "worker-cpu", "worker-gpu"}
    for budget in budgets:
        wanted = budget["spec"]["selector"]["matchLabels"].items()
        assert sum(wanted <= of_pod.items() for of_pod in labels) == 1


def test_who_has_redis_address_may_reach_it() -> None:
    for name, document in PODS:
        asks = any(v["name"] == "REDIS_URL" for c in pod(document)["containers"] for v in c.get("env", []))
        assert asks == (document["spec"]["template"]["metadata"]["labels"].get("redis") == "client"), name


# Who may talk to whom, by what the policies say.

NAMES = {"namespace": "kube-system", "k8s-app": "kube-dns"}
PUBLIC, METADATA, INWARD = "93.184.215.14", "169.254.169.254", "10.0.0.7"
ROLES = {"worker": {"worker-cpu", "worker-gpu"}, "frontend": {"web", "discord", "telegram"}, "exporter": {"exporter"}}


def labels_of(name: str) -> dict[str, str]:
    (found,) = (doc["spec"]["template"]["metadata"]["labels"] for _, doc in PODS if doc["metadata"]["name"] == name)
    return dict(found)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(labels.get(e["key"], "") in e["values"] for e in selector.get("matchExpressions", []))


def leads_to(peer: dict[str, Any], place: str | dict[str, str]) -> bool:
    if isinstance(place, str):
        block = peer.get("ipBlock")
        if not block or ip_address(place) not in ip_network(block["cidr"]):
            return False
        return not any(ip_address(place) in ip_network(cidr) for cidr in block.get("except", []))
    namespace = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", "")
    return "ipBlock" not in peer and namespace == place.get("namespace", "") and selects(peer["podSelector"], place)


def reaches(name: str, place: str | dict[str, str], port: int, protocol: str = "TCP") -> bool:
    """Whether a pod may open a connection; one that no policy of the kind selects may open any."""
    policies = [doc["spec"] for _, doc in ALL if doc["kind"] == "NetworkPolicy"]
    own = [p for p in policies if selects(p["podSelector"], labels_of(name)) and "Egress" in p["policyTypes"]]
    return not own or any(
        any(leads_to(peer, place) for peer in rule["to"])
        and any(p["port"] == port and p.get("protocol", "TCP") == protocol for p in rule["ports"])
        for policy in own
        for rule in policy["egress"]
    )


@pytest.mark.parametrize("name", sorted(set.union(*ROLES.values())))
def test_each_pod_finds_names_and_redis_and_nothing_else_inward(name: str) -> None:
    assert reaches(name, labels_of("redis"), 6379)
    assert reaches(name, NAMES, 53)
    assert reaches(name, NAMES, 53, "UDP")
    assert reaches(name, "169.254.20.10", 53, "UDP"), "nodes' own cache of names"
    inward: list[str | dict[str, str]] = [labels_of(other) for other in set.union(*ROLES.values())]
    inward += [METADATA, INWARD, "172.17.0.1", "192.168.1.1", "100.100.100.200", "127.0.0.1", "fd00::1"]
    for place in inward:
        assert not any(reaches(name, place, port) for port in (53, 80, 443, 3128, 6379, 8080, 8081, 9108)), place
    assert not reaches(name, labels_of("redis") | {"namespace": "elsewhere"}, 6379)


@pytest.mark.parametrize(("role", "names"), ROLES.items())
def test_only_frontends_reach_the_internet(role: str, names: set[str]) -> None:
    pods = [document["metadata"]["name"] for _, document in PODS]
    assert {name for name in pods if labels_of(name).get("role") == role} == names
    for name in names:
        for place in (PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"):
            assert reaches(name, place, 443) == (role == "frontend")
            assert not reaches(name, place, 22)


def test_what_else_workers_may_reach_is_the_operators_word() -> None:
    """Models and pictures: addresses that lead nowhere until somebody puts theirs there."""
    assert [reaches("worker-cpu", place, 443) for place in ("192.0.2.7", "198.51.100.7")] == [True, True]
    assert not reaches("exporter", "198.51.100.7", 443)
    assert not reaches("redis", PUBLIC, 443)


def test_nobody_asks_a_worker_anything_and_few_ask_redis() -> None:
    policies = {doc["metadata"]["name"]: doc["spec"] for _, doc in ALL if doc["kind"] == "NetworkPolicy"}
    assert policies["workers"] == {
        "podSelector": {"matchLabels": {"role": "worker"}},
        "policyTypes": ["Ingress"],
        "ingress": [],
    }
    assert policies["redis"]["policyTypes"] == ["Ingress", "Egress"]
    assert policies["redis"]["egress"] == []


@pytest.mark.parametrize(("name", "document"), WORKERS, ids=title)
def test_baked_models_are_where_workers_look_for_them(name: str, document: dict[str, Any]) -> None:
    """The volume hides what the image has there."""
    spec = pod(document)
    (baked,), (worker,) = spec["initContainers"], spec["containers"]
    assert baked["image"] == worker["image"]
    (volume,) = baked["volumeMounts"]
    assert {"name": volume["name"], "mountPath": "/models"} in worker["volumeMounts"]
    assert baked["command"] == ["cp", "-R", "/models/.", volume["mountPath"]]
