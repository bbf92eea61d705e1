"""The files for systemd, Kubernetes and containers, as far as they can be checked where neither runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands

from config.management.commands.web import STOP_SECONDS
from deliveries.conf import Conf, load
from deliveries.management.workers import STOP_SECONDS as WORKER_STOP_SECONDS
from tests.config.test_urls_as_typed import services
from tests.production.databases import Installation

CHECKOUT = Path(__file__).resolve().parents[2]
UNITS = sorted((CHECKOUT / "deploy" / "systemd").iterdir())
FILES = sorted((CHECKOUT / "deploy" / "kubernetes").glob("*.yaml"))
MANIFESTS: list[dict[str, Any]] = [each for file in FILES for each in yaml.safe_load_all(file.read_text())]
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker" / "compose.yml").read_text())["services"]
VERSIONS = ("1.30", kubernetes_validate.latest_version())  # of Kubernetes
PYTHON = "/srv/hookpost/.venv/bin/python"


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in MANIFESTS if each["kind"] == kind]


def pods() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each pod with its one container."""
    for each in of_kind("Deployment") + of_kind("Job"):
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        yield pod, container


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        name = unit.name.replace("@.", "@1.")
        (tmp_path / name).write_text(unit.read_text().replace(PYTHON, sys.executable))
    named = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *named], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "hookpost" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_page_starts_units_that_are_there() -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    named = re.findall(r"^systemctl (?:start|enable --now) (\S+)", page, re.MULTILINE)
    there = {unit.name for unit in UNITS}
    assert named
    for name in (re.sub("@.+", "@", each) for each in named):
        assert {name, f"{name}.service"} & there, name


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_each_unit_runs_a_command_that_exists(unit: Path) -> None:
    words = re.findall(rf"^ExecStart={PYTHON} manage.py (\S+)", unit.read_text(), re.MULTILINE)
    assert len(words) == 1
    assert words[0] in get_commands()


def test_systemd_leaves_time_for_the_drain_and_signals_the_parent_alone() -> None:
    web, worker = (
        (CHECKOUT / "deploy/systemd" / name).read_text()
        for name in ("hookpost-web.service", "hookpost-worker@.service")
    )
    assert "KillMode=mixed" in web
    assert seconds(web) > load({}).drain_seconds + STOP_SECONDS
    assert seconds(worker) > WORKER_STOP_SECONDS


def test_who_runs_keeps_its_packages_when_the_link_leads_elsewhere(tmp_path: Path) -> None:
    """Given /srv/hookpost, a link as docs/upgrading.md has it, then old processes load nothing of the new release."""
    old, new, link = tmp_path / "old", tmp_path / "new", tmp_path / "hookpost"
    old.mkdir()
    new.mkdir()
    (old / ".venv").symlink_to(sys.prefix)
    link.symlink_to(old)
    turned = f"import os; os.remove('{link}'); os.symlink('{new}', '{link}')"
    goes_on = "import subprocess, sys, drf_spectacular.generators"
    has_packages = "subprocess.run([sys.executable, '-c', 'import django'], check=True)"
    environment = Installation(settings=services(tmp_path)).environment()
    shell = [f"{link}/.venv/bin/python", "manage.py", "shell", "--no-imports", "-c"]
    done = subprocess.run(
        [*shell, f"{turned}; {goes_on}; {has_packages}"],
        cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert link.resolve() == new


def seconds(unit: str) -> int:
    """How long systemd waits after SIGTERM."""
    (found,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    return int(found)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_kubernetes_understands_the_manifests(manifest: dict[str, Any], version: str) -> None:
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
        wrong = ""
    except kubernetes_validate.ValidationError as error:
        wrong = str(error)
    assert wrong == ""


def test_each_pod_runs_a_command_that_exists_and_may_do_nothing_else() -> None:
    assert len(list(pods())) == 3
    for pod, container in pods():
        assert container["args"][0] in get_commands()
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_the_settings_of_the_pods_exist_and_their_secrets_are_files() -> None:
    (settings,), (secret,) = of_kind("ConfigMap"), of_kind("Secret")
    named = {name.removesuffix("_FILE") for name in settings["data"]}
    assert named <= {each.metadata["name"] for each in fields(Conf)}
    files = {Path(value).name for name, value in settings["data"].items() if name.endswith("_FILE")}
    assert files == set(secret["stringData"])
    plain = {name: value for name, value in settings["data"].items() if not name.endswith("_FILE")}
    assert load(plain).health_address == ("0.0.0.0", 9101)


def test_kubernetes_leaves_time_for_the_drain() -> None:
    drain = load({"HOOKPOST_DRAIN_SECONDS": of_kind("ConfigMap")[0]["data"]["HOOKPOST_DRAIN_SECONDS"]}).drain_seconds
    given = {container["name"]: pod.get("terminationGracePeriodSeconds", 30) for pod, container in pods()}
    assert given["web"] > drain + STOP_SECONDS
    assert given["worker"] > WORKER_STOP_SECONDS
    probe = next(container["readinessProbe"] for _, container in pods() if container["name"] == "web")
    assert drain >= probe["periodSeconds"] * probe["failureThreshold"]


def test_policies_and_budgets_are_for_pods_that_exist() -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in of_kind("Deployment")]
    chosen = [each["spec"]["podSelector"]["matchLabels"] for each in of_kind("NetworkPolicy")]
    chosen += [each["spec"]["selector"]["matchLabels"] for each in of_kind("PodDisruptionBudget")]
    chosen += [each["spec"]["selector"] for each in of_kind("Service")]
    assert chosen
    assert all(each in labels for each in chosen)


@pytest.mark.parametrize("service", COMPOSE)
def test_each_service_of_compose_has_a_limit_and_logs_that_end(service: str) -> None:
    assert COMPOSE[service]["mem_limit"]
    assert COMPOSE[service]["logging"]["options"]["max-size"]


@pytest.mark.parametrize("service", ["worker", "dispatcher"])
def test_workers_are_asked_at_their_health_port(service: str) -> None:
    port = COMPOSE[service]["environment"]["HOOKPOST_HEALTH_ADDRESS"].rpartition(":")[2]
    assert f"'127.0.0.1', {port}," in COMPOSE[service]["healthcheck"]["test"][-1]
    targets = yaml.safe_load((CHECKOUT / "docker/monitoring/prometheus.yml").read_text())["scrape_configs"]
    assert f"{service}:{port}" in targets[1]["static_configs"][0]["targets"]
