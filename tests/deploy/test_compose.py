"""The compose file against its schema, the command line and the settings."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml

from bench.fleet.topology import VARIABLE, compose_file
from bot.cli import app
from bot.settings import Settings
from workers.worker.gpu_worker import GRACE_S

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
SECRET = re.compile("PASSWORD|SECRET|TOKEN")


REQUIRED = {"REDIS_PASSWORD": "secret-of-a-test", "GRAFANA_PASSWORD": "of-grafana"}


def filled(**environment: str) -> Any:
    """The compose file with its variables put in."""
    return compose_file(REQUIRED | environment)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = filled()["services"]
    return found


def of_pastiche(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if "target" in service.get("build", {})}


def test_the_file_obeys_the_schema_of_compose() -> None:
    spec = importlib.util.find_spec("check_jsonschema")
    if spec is None or spec.origin is None:
        pytest.skip("check-jsonschema, which carries the schema, is not installed")
    schema = Path(spec.origin).parent / "builtin_schemas/vendor/compose-spec.json"
    document = filled()
    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))
    document["services"]["web"]["restart_policy"] = "always"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.parametrize("missing", REQUIRED)
def test_without_a_password_nothing_starts(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        filled(**{missing: ""})
    with pytest.raises(KeyError, match=missing):
        compose_file({name: value for name, value in REQUIRED.items() if name != missing})


def test_no_password_of_any_service_has_a_default() -> None:
    """Neither in the file nor put in where a variable is empty: what is not set is asked for, or is not there."""
    text = FILE.read_text(encoding="utf-8")
    defaults = {name: default for name, operator, default in VARIABLE.findall(text) if operator == "-"}
    assert {name: default for name, default in defaults.items() if SECRET.search(name) and default} == {}
    for name, service in filled()["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert not SECRET.search(variable) or value in (None, *REQUIRED.values()), (name, variable)


def test_whoever_publishes_a_port_does_so_on_this_host_only(services: dict[str, Any]) -> None:
    published = {name: port for name, service in services.items() for port in service.get("ports", [])}
    assert set(published) == {"web", "grafana", "rq-dashboard"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())


def test_each_variable_is_explained() -> None:
    asked = {name for name, *_ in VARIABLE.findall(FILE.read_text(encoding="utf-8"))}
    own = set(re.findall(r"^([A-Z_]+)=", (ROOT / "deploy/compose.env.example").read_text(encoding="utf-8"), re.M))
    assert asked <= own | {name.upper() for name in Settings.model_fields}
    assert own <= asked


def test_environments_hold_settings_that_there_are(services: dict[str, Any]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name, service in of_pastiche(services).items():
        assert set(service.get("environment", {})) <= known, name
        assert service["environment"]["REDIS_URL"] == "redis://:secret-of-a-test@redis:6379/0"


def test_tokens_go_to_their_own_frontend_only() -> None:
    tokens = {"DISCORD_TOKEN": "discord-token", "TELEGRAM_TOKEN": "telegram-token", "REDIS_PASSWORD": "pass-word"}
    found = {
        (name, token)
        for name, service in filled(**tokens)["services"].items()
        for token in ("discord-token", "telegram-token")
        if token in json.dumps(service)
    }
    assert found == {("discord", "discord-token"), ("telegram", "telegram-token")}


def test_the_web_chat_is_told_its_address_and_its_proxies_and_nobody_else_the_operators_password() -> None:
    given = {
        "WEB_PUBLIC_URL": "https://pastiche.example",
        "WEB_TRUSTED_PROXIES": "172.18.0.1",
        "WEB_OPERATOR_PASSWORD": "operators-password",
    }
    found = filled(**given)["services"]
    assert found["web"]["environment"].items() >= given.items()
    assert [name for name, service in found.items() if "operators-password" in json.dumps(service)] == ["web"]


def commands(services: dict[str, Any]) -> list[list[str]]:
    return [service["command"] for service in of_pastiche(services).values() if service["command"][0] == "pastiche"]


def test_commands_are_the_command_lines(services: dict[str, Any]) -> None:
    group: Any = typer.main.get_command(app)
    assert {command[1] for command in commands(services)} == {"web", "worker"}
    for _, name, *arguments in commands(services):
        subcommand = group.commands[name]
        subcommand.make_context(name, list(arguments))  # raises for an option or a value that it does not know


def test_an_option_that_is_not_there_would_be_noticed(services: dict[str, Any]) -> None:
    group: Any = typer.main.get_command(app)
    with pytest.raises(Exception, match="No such option"):
        group.commands["worker"].make_context("worker", ["--health", "/tmp/x"])  # noqa: S108


@pytest.mark.parametrize("name", ["discord", "telegram"])
def test_a_frontend_starts_where_its_token_is_looked_at(services: dict[str, Any], name: str) -> None:
    assert services[name]["command"] == ["sh", "/opt/image/frontend.sh", name]
    assert services[name]["restart"] == "on-failure"


def test_workers_are_started_again_whatever_their_exit_code(services: dict[str, Any]) -> None:
    workers = {name: service for name, service in services.items() if "worker" in name}
    assert set(workers) == {"worker", "worker-gpu", "worker-gpu-fast"}
    for service in workers.values():
        assert service["restart"] == "unless-stopped"
        grace_s = float(service["command"][service["command"].index("--grace") + 1])
        assert grace_s >= GRACE_S
        assert float(service["stop_grace_period"].removesuffix("s")) >= grace_s + 10
        health_file = service["command"][service["command"].index("--health-file") + 1]
        assert service["healthcheck"]["test"][-1] == health_file


def test_gpus_are_in_their_profile_and_each_worker_has_one(services: dict[str, Any]) -> None:
    gpus = {}
    for name, service in services.items():
        for device in service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", []):
            assert service["profiles"]
            assert device["driver"] == "nvidia"
            (gpus[name],) = device["device_ids"]
    assert gpus == {"worker-gpu": "0", "worker-gpu-fast": "1"}


def test_every_container_is_bounded_and_cannot_write_its_root(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert "build" in service or service["user"].partition(":")[0] not in ("", "0", "root"), name


def test_the_dashboard_is_an_image_of_its_own_behind_a_password(services: dict[str, Any]) -> None:
    service = services["rq-dashboard"]
    assert service["profiles"] == ["ops"]
    assert service["environment"]["RQ_DASHBOARD_PASSWORD"] == "secret-of-a-test"  # noqa: S105
    folder = ROOT / service["build"]["context"]
    dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in dockerfile
    assert '"--json", "--disable-delete"' in dockerfile, "jobs are JSON, and nobody deletes one by a click"
    asked = re.findall(r"^([\w-]+)==([\d.]+) ", (folder / "requirements.txt").read_text(encoding="utf-8"), re.M)
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (rq,) = [package["version"] for package in lock["package"] if package["name"] == "rq"]
    assert dict(asked)["rq"] == rq, "it reads what our RQ writes"
    assert "rq-dashboard" not in {package["name"] for package in lock["package"]}


def test_who_needs_redis_waits_until_it_is_ready(services: dict[str, Any]) -> None:
    assert "healthcheck" in services["redis"]
    for name, service in of_pastiche(services).items():
        assert service["depends_on"]["redis"] == {"condition": "service_healthy"}, name
        assert "healthcheck" in service, name


def test_only_the_host_itself_reaches_what_has_no_log_in(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_volumes_and_mounted_files_are_there(services: dict[str, Any]) -> None:
    volumes = set(filled()["volumes"])
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in volumes or (source.startswith("./") and (ROOT / source).exists()), source


@pytest.mark.parametrize("file", ["prometheus.yml", "alerts.yml", "grafana/dashboards/pastiche.json"])
def test_figures_that_are_asked_for_are_figures_that_there_are(file: str) -> None:
    text = (ROOT / "deploy/ops" / file).read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    assert document
    sources = [ROOT / "workers" / name for name in ("metrics.py", "frontend_metrics.py")]
    exported = {name for path in sources for name in re.findall(r'"(pastiche_\w+)"', path.read_text(encoding="utf-8"))}
    exported |= {f"pastiche_{name}_seconds" for name in ("service", "wait")}
    for asked in set(re.findall(r"pastiche_\w+", text)):
        assert re.sub(r"_(total|bucket|count|sum)$", "", asked) in exported, asked


def test_each_alert_has_its_incident_card() -> None:
    alerts = yaml.safe_load((ROOT / "deploy/ops/alerts.yml").read_text(encoding="utf-8"))
    cards = {rule["annotations"]["card"] for group in alerts["groups"] for rule in group["rules"]}
    headings = re.findall(r"^### (.+)$", (ROOT / "docs/operations.md").read_text(encoding="utf-8"), re.M)
    assert cards <= {heading.lower().replace(" ", "-") for heading in headings}
