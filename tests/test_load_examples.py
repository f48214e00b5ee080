"""docs/examples/load: the files fit each other, and every command in them exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mockserver.cassette.store import load
from mockserver.cli import main
from mockserver.server.scenarios.reading import programme
from tests.docs import TOP

HERE = TOP / "docs" / "examples" / "load"
COMPOSE = yaml.safe_load((HERE / "compose.yml").read_text(encoding="utf-8"))["services"]
MANIFESTS = list(yaml.safe_load_all((HERE / "kubernetes.yaml").read_text(encoding="utf-8")))


def options_of(arguments: list[str]) -> None:
    """``mockserver serve ...`` knows every option: it comes to the file, which is not there."""
    done = CliRunner().invoke(main, [one if not one.startswith("/") else "none.yaml" for one in arguments])
    assert "none.yaml: cannot be read" in done.output, done.output


def test_the_servers_commands_are_ones_that_there_are() -> None:
    for name in ("one", "two", "three"):
        options_of(COMPOSE[name]["command"])
    [container] = MANIFESTS[0]["spec"]["template"]["spec"]["containers"]
    options_of(container["args"])
    drain = float(container["args"][container["args"].index("--drain") + 1])
    pause = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert drain + pause < MANIFESTS[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]


def test_whoever_names_another_names_one_that_is_there() -> None:
    service, scaler = MANIFESTS[1], MANIFESTS[2]
    labels = MANIFESTS[0]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert scaler["spec"]["scaleTargetRef"]["name"] == MANIFESTS[0]["metadata"]["name"]
    metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert metric in (TOP / "mockserver" / "server" / "metrics.py").read_text(encoding="utf-8")
    scraped = yaml.safe_load((HERE / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]
    targets = scraped["static_configs"][0]["targets"]
    assert [one.partition(":")[0] for one in targets] == [name for name in COMPOSE if name in ("one", "two", "three")]
    assert scraped["authorization"]["credentials"] == COMPOSE["one"]["environment"]["MOCKSERVER_SERVE_TOKEN"]
    backends = re.findall(r'server \w+ "\$\{(\w+)\}"', (HERE / "haproxy.cfg").read_text(encoding="utf-8"))
    assert backends == [name for name in COMPOSE["haproxy"]["environment"] if name != "LISTEN"]
    for name, service in COMPOSE.items():
        assert set(service.get("depends_on", ())) <= set(COMPOSE), name
        for volume in service.get("volumes", ()):
            assert (HERE / volume.split(":")[0]).exists(), volume


def test_the_scenarios_are_read_and_the_cassette_is_of_them() -> None:
    found = programme(HERE / "scenarios.yaml")
    assert list(found.scenarios) == ["text", "slow"]
    cassette = load(HERE / "text.cassette")
    assert cassette.header.dialect == found.scenarios["text"].dialect.name
    assert len(cassette.connections) == 1


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no program haproxy on the PATH")
def test_haproxy_takes_its_file() -> None:
    names = {"LISTEN": "127.0.0.1:4000", "ONE": "127.0.0.1:1", "TWO": "127.0.0.1:2", "THREE": "127.0.0.1:3"}
    program = shutil.which("haproxy") or ""
    done = subprocess.run([program, "-c", "-f", str(HERE / "haproxy.cfg")], env=names, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_locust_is_called_with_options_of_its_own_users() -> None:
    words = [*shlex.split(COMPOSE["locust"]["command"]), *shlex.split(COMPOSE["callers"]["command"])]
    assert {"--master", "--worker", "--headless", "--host"} <= set(words)
    code = (HERE / "locustfile.py").read_text(encoding="utf-8")
    compile(code, "locustfile.py", "exec")
    assert Path(HERE / "text.cassette").exists()
    for name in re.findall(r"^    (\w+) = ", code, re.MULTILINE):
        user = (TOP / "mockserver" / "load" / "user.py").read_text(encoding="utf-8")
        assert re.search(rf"^    {name}\b", user, re.MULTILINE), name
