"""The pages for JavaScript are played as a reader would, with Vitest, Jest and Playwright; what is typed is checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import docs
from tests.browser import chromium

HOME = Path(os.environ.get("MOCKSERVER_CLIENTS", "")) / "node"
"""Where ``make test-clients`` installs the packages of package.json."""
pytestmark = pytest.mark.skipif(
    not (HOME / "installed").exists(), reason="the packages of npm could not be installed: npm.log says why"
)

PAGES = docs.TOP / "docs" / "js"
STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "noUnusedLocals": True,
    "target": "es2022",
    "module": "nodenext",
}


def folder(name: str) -> Path:
    """An empty folder below the packages: there Node, npx and tsc look for them."""
    place = HOME / "pages" / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "package.json").write_text('{"private": true, "type": "module"}')
    return place


def tsc(place: Path, files: Sequence[str], **options: object) -> str:
    """What the compiler has to say; empty where all is well."""
    types = {"types": ["node"], "typeRoots": [str(HOME / "node_modules" / "@types")]}
    settings = {"compilerOptions": {**STRICT, **types, **options}, "files": list(files)}
    (place / "tsconfig.json").write_text(json.dumps(settings))
    command = [HOME / "node_modules" / ".bin" / "tsc", "-p", place]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    return done.stdout + done.stderr


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_plays(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "playwright" in page.name:
        browser = chromium.program()
        if browser is None:
            pytest.skip("Playwright has no browser here: name one with CHROMIUM")
        monkeypatch.setenv("CHROMIUM", browser)
    place = folder(page.stem)
    assert docs.play(page, place, "http://127.0.0.1:9")
    typed = [path.name for path in place.glob("*.ts")]
    if page.stem != "README":
        assert "mockserver.ts" in typed
        # As a bundler reads them, and as strict as Playwright's own types bear.
        readers = {"module": "esnext", "moduleResolution": "bundler", "exactOptionalPropertyTypes": False}
        assert tsc(place, typed, noEmit=True, **readers) == ""


def test_a_test_that_fails_is_seen() -> None:
    """The control of the above: the same page, with another answer expected."""
    place = folder("control")
    text = (PAGES / "vitest.md").read_text(encoding="utf-8").replace('toBe("Good morning")', 'toBe("Good night")')
    page = place / "vitest.md"
    page.write_text(text)
    shutil.copy(PAGES / "mockserver.ts", place)
    for snippet in docs.snippets(page):
        if snippet.name.endswith(".ts"):
            (place / snippet.name).write_text(snippet.text)
    with pytest.raises(AssertionError, match="Good night"):
        docs.run(["npx", "vitest", "run", "agent.test.ts"], place, "", "vitest")


def test_the_typed_helper_and_the_plain_one_are_the_same() -> None:
    place = folder("helper")
    shutil.copy(PAGES / "mockserver.ts", place / "mockserver.mts")
    assert tsc(place, ["mockserver.mts"]) == ""
    made = (place / "mockserver.mjs").read_text()
    assert made == (PAGES / "mockserver.mjs").read_text(), f"tsc makes another: copy {place}/mockserver.mjs to docs/js"
    # And the compiler sees what is wrong.
    wrong = 'import { Control } from "./mockserver.mjs";\nnew Control(5).journal({ nam: "x" });\n'
    (place / "wrong.mts").write_text(wrong)
    told = tsc(place, ["wrong.mts"], noEmit=True)
    assert "wrong.mts(2,13)" in told
    assert "'nam' does not exist" in told
