"""The image's own settings start a server as it would, without a container tool; the hook and the compose file fit."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import yaml

from mockserver.cli import COMMANDS
from tests.docs import TOP

DOCKERFILE = (TOP / "Dockerfile").read_text(encoding="utf-8")


def settings() -> dict[str, str]:
    """The variables of the image."""
    found = re.search(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    assert found
    return dict(word.split("=", 1) for word in shlex.split(found[1].replace("\\\n", " ")))


def listed(instruction: str) -> list[str]:
    """The words of an instruction that is written as a list."""
    found = re.search(rf"^\s*{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    words: list[str] = json.loads(found[1])
    return words


def test_the_image_starts_is_healthy_and_stops_in_time() -> None:
    command = [*listed("ENTRYPOINT"), *re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    assert command == ["mockserver", '["simulate", "openai"]']
    assert settings()["MOCKSERVER_SIMULATE_HOST"] == "0.0.0.0"
    # A free port of this machine in place of 4000, and this machine alone.
    env = os.environ | settings() | {"MOCKSERVER_SIMULATE_PORT": "0", "MOCKSERVER_SIMULATE_HOST": "127.0.0.1"}
    running = subprocess.Popen(
        [sys.executable, "-m", "mockserver", "simulate", "openai", "--json"],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        port = json.loads(running.stdout.readline())["port"]
        health = re.search(r'-c", "(.*)"\]', DOCKERFILE)
        assert health
        check = [sys.executable, "-c", health[1].replace("4000", str(port))]
        assert subprocess.run(check, capture_output=True, check=False).returncode == 0
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=10) == 0  # what `docker stop` gives
        assert time.monotonic() - began < 10
        assert subprocess.run(check, capture_output=True, check=False).returncode != 0
    finally:
        running.kill()
        running.communicate()


def test_the_image_runs_as_nobody_special_and_copies_what_the_build_needs() -> None:
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert last.index("USER mockserver") < last.index("ENTRYPOINT")
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name for words in copied for name in words.split()}
    assert all((TOP / name).exists() for name in names)
    ignored = (TOP / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in names} <= set(ignored)


def test_the_compose_file_waits_for_the_health_of_what_it_starts() -> None:
    services = yaml.safe_load((TOP / "docs/containers/compose.yml").read_text(encoding="utf-8"))["services"]
    assert services["tests"]["depends_on"] == {"voice": {"condition": "service_healthy"}}
    assert services["tests"]["environment"]["OPENAI_BASE_URL"].startswith("http://voice:4000/")
    assert services["voice"]["command"][0] in COMMANDS


def test_the_hook_runs_a_command_that_exists_on_the_files_it_is_for() -> None:
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"].split()[1] in COMMANDS
    assert re.search(hook["files"], "tests/cassettes/a/b.cassette")
    assert re.search(hook["files"], "b.cassette.txt")
    assert not re.search(hook["files"], "b.cassette.partial")


def test_the_workspace_of_an_editor_waits_for_the_provider_beside_it() -> None:
    folder = TOP / "docs" / "containers"
    settings = json.loads((folder / "devcontainer.json").read_text("utf-8").partition("\n")[2])  # behind its comment
    services = yaml.safe_load((folder / settings["dockerComposeFile"]).read_text("utf-8"))["services"]
    workspace = services[settings["service"]]
    assert workspace["depends_on"] == {"voice": {"condition": "service_healthy"}}
    assert workspace["environment"]["OPENAI_BASE_URL"] == "http://voice:4000/v1"
    assert workspace["volumes"] == [f"..:{settings['workspaceFolder']}"]
    assert services["voice"]["command"][0] in COMMANDS


def test_the_job_reaches_its_service_where_the_image_listens() -> None:
    workflow = yaml.safe_load((TOP / "docs/containers/github-services.yml").read_text("utf-8"))
    job = workflow["jobs"]["tests"]
    port = settings()["MOCKSERVER_SIMULATE_PORT"]
    assert job["services"]["voice"]["ports"] == [f"{port}:{port}"]
    assert job["env"]["OPENAI_BASE_URL"] == f"http://127.0.0.1:{port}/v1"
    assert workflow["permissions"] == {"contents": "read"}
