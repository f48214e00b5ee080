"""The page as a document: nothing from the wire is markup, nothing is fetched, nothing else is overwritten."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from mockserver.core.frames import Handshake, Sender, Text
from mockserver.dialects.registry import DIALECTS
from mockserver.errors import UsageError
from mockserver.view import page as pages
from mockserver.view.files import assets, write
from mockserver.view.page import Page, ViewedFile, page
from mockserver.view.scene import Scene

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">{{script}}{{data}}'


def source(title: str = "a", frames: int = 1) -> ViewedFile:
    scene = Scene(0, DIALECTS["openai"])
    scene.feed(0, Sender.CLIENT, Handshake(f"/{EVIL}", query=((EVIL, EVIL),)))
    for _ in range(frames):
        scene.feed(1, Sender.SERVER, Text(json.dumps({"type": EVIL, "error": {"message": EVIL}})))
    return ViewedFile(title, [EVIL], [scene])


def test_what_came_from_the_wire_is_never_markup() -> None:
    html = page([source(EVIL)], assets(), report=EVIL).html
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert "<img" not in html
    data = re.search(r'id="data">(.*?)</script>', html, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["sources"][0]["facts"] == [EVIL]


def test_the_policy_lets_our_own_script_run_and_nothing_else() -> None:
    html = page([source()], assets()).html
    script = html.rpartition("<script>")[2].partition("</script>")[0]
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert f"script-src 'sha256-{allowed}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "connect-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html)


def test_much_audio_lies_beside_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = source()
    one.scenes[0].server.add(0, bytes(48_000), 24_000, "pcm", None)
    inside = page([one], assets())
    assert inside.files == {}
    assert '"wav":"UklGR' in inside.html
    monkeypatch.setattr(pages, "INLINE_LIMIT", 1_000)
    beside = page([one], assets(), name="talk")
    assert [*beside.files] == ["talk.audio/0-0-server.wav"]
    assert '"wav"' not in beside.html
    write(beside, tmp_path / "talk.html")
    assert (tmp_path / "talk.audio" / "0-0-server.wav").stat().st_size == 48_044


def test_a_file_that_is_no_page_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "notes.html"
    target.write_text("mine")
    made = page([source()], assets())
    with pytest.raises(UsageError, match="is no page of ours: choose another name"):
        write(made, target)
    assert target.read_text() == "mine"
    write(made, target, force=True)
    write(Page(made.html), target)  # a page of ours may be written again
    assert [one.name for one in tmp_path.iterdir()] == ["notes.html"]


def test_a_folder_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the page cannot be written"):
        write(page([source()], assets()), tmp_path / "file" / "page.html")
