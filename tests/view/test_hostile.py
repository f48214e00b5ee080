"""Hostile text in every field of a session: inert on every page, in a terminal, and in Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mockserver.cassette import markdown
from mockserver.cassette.diff import diff, waits
from mockserver.cassette.model import Cassette, Connection, Exchange, Header, Record
from mockserver.cassette.render import textconv, timeline
from mockserver.cli.log import ServerLog
from mockserver.cli.view import source_of
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.timeline import entry_lines
from mockserver.dialects.registry import DIALECTS
from mockserver.pytest_plugin.pages import index
from mockserver.view.files import assets, write
from mockserver.view.page import ViewedFile, page
from mockserver.view.scene import of_journal

MARKS = ("</script><script>evil()</script>", "<img src=x onerror=evil()>", "```", "</details>", "@somebody")
EVIL = "".join(
    (*MARKS, "\x1b[31m\x1b]0;evil\x07\x9b2J", "\u202eright\u2066to\u2069left", "\r\n### evil\n", "\0\x7f", "\ud800")
)
LONG = 2_000_000


def shapes(dialect: str, evil: str) -> Iterator[Any]:
    """JSON messages of a provider that have it as the value of whatever a lens looks at, and as a key."""
    names = ("type", "event_id", "response_id", "item_id", "delta", "transcript", "text", "audio", "call_id", "name")
    yield dict.fromkeys(names, evil)
    for kind in sorted(DIALECTS[dialect].names() if dialect in DIALECTS else ()):
        yield {"type": kind, **dict.fromkeys(names[1:], evil), "role": evil, "ordinal": evil, evil: evil}
    yield {"type": "response.done", "response": {"id": evil, "status": evil, "status_details": {"reason": evil}}}
    yield {
        "type": "response.create",
        "response": {"metadata": {evil: evil}, "instructions": evil, "conversation": evil},
    }
    content = [{"type": evil, "text": evil, "transcript": evil}]
    item = {"id": evil, "type": evil, "role": evil, "status": evil, "name": evil, "arguments": evil, "content": content}
    yield {"type": "conversation.item.created", "item": item, "previous_item_id": evil}
    yield {"type": "error", "error": {"type": evil, "code": evil, "message": evil, "param": evil, "event_id": evil}}
    session = {"model": evil, "voice": evil, "tools": [{"name": evil}], "audio": {evil: {evil: evil}}}
    yield {"type": "session.update", "session": session}
    yield {"serverContent": {"outputTranscription": {"text": evil}}}
    yield {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": f"audio/{evil}", "data": evil}}]}}}
    yield {"toolCall": {"functionCalls": [{"id": evil, "name": evil, "args": {evil: evil}}]}}
    yield {"event": {"textOutput": {"content": evil, "role": evil, "contentId": evil}}}
    yield {"event": {evil: {evil: evil}}}
    yield {"agent_response_event": {"agent_response": evil}, "type": "agent_response"}
    yield {evil: {evil: [evil]}}
    yield [evil]
    yield evil


def hostile(dialect: str, evil: str, frames: list[Any] | None = None) -> Cassette:
    """A cassette with it in every field."""
    said: list[Frame] = [Text(json.dumps(one)) for one in (shapes(dialect, evil) if frames is None else frames)]
    said += [
        Text(evil),
        Binary(b"\x02" + evil.encode("utf-8", "replace")),
        Binary(b"{" + evil.encode("utf-8", "replace")),
    ]
    ends: list[Frame] = [Close(1011, evil), Lost(evil)]
    both = [(sender, frame) for sender in Sender for frame in (*said, *ends)]
    records = tuple(Record(700_000 * at, sender, frame) for at, (sender, frame) in enumerate(both))
    shake = Handshake(f"/v1/{evil}", ((evil, evil),), ((evil, evil),), (evil,), target=f"/{evil}")
    answer = Answer(101, ((evil, evil),), subprotocol=evil)
    header = Header(
        dialect,
        **dict.fromkeys(("upstream", "recorded_on", "package", "audio", "ended", "origin"), evil),
        redaction={evil: 1},
        rules={evil: [evil], "x": evil},
        faults=(evil,),
    )
    raw = evil.encode("utf-8", "replace")
    exchange = Exchange(evil, f"/{evil}", raw, 200, ((evil, evil),), raw)
    return Cassette(header, (Connection(0, shake, answer, records=records),), (exchange,), path=f"{evil}.cassette")


def inert(lines: Iterable[str]) -> None:
    """Every line is one line of characters that a terminal shows as they are."""
    told = list(lines)
    assert told
    for line in told:
        assert line.isprintable(), ascii(line)[:300]


class Elements(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(html)
    return parser.found


@pytest.fixture(scope="module")
def tags() -> list[str]:
    """The elements of a page without anything hostile."""
    return [tag for tag, _ in elements(page([ViewedFile("x", [], [])], assets()).html)]


@pytest.mark.parametrize("dialect", ["openai", "gemini", "gpt_live", "elevenlabs", "nova_sonic", "personaplex", EVIL])
def test_no_field_reaches_a_terminal_as_it_is(dialect: str) -> None:
    cassette = hostile(dialect, EVIL)
    inert(timeline(cassette))
    inert(timeline(cassette, merge=False))
    inert(textconv(cassette))
    other = hostile(dialect, EVIL[::-1])
    inert([str(one) for one in (*diff(cassette, other), *waits(cassette, other))])


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
def test_no_field_makes_markdown_or_html_of_itself(dialect: str) -> None:
    cassette, other = hostile(dialect, EVIL), hostile(dialect, EVIL[::-1])
    for lines in (markdown.changed(cassette, diff(other, cassette)), markdown.alone(cassette, added=True)):
        outside, fence = [], ""
        for line in lines:
            assert line.isprintable()
            if fence:
                fence = "" if line == fence else fence
            elif opened := re.match("`{3,}", line):
                fence = opened[0]
            else:
                outside.append(re.sub(r"(`+) .*? \1", "", line))
        assert not fence
        told = "\n".join(outside)
        assert len(outside) > 3
        assert not any(mark in told for mark in (*MARKS[:2], "evil", "@somebody"))
        assert told.count("</details>") == told.count("<details>")


@pytest.mark.parametrize("dialect", ["openai", "gemini", EVIL])
def test_no_field_makes_an_element_of_a_page(dialect: str, tags: list[str]) -> None:
    cassette = hostile(dialect, EVIL)
    difference = {"where": EVIL, "frames": [0, None], "what": EVIL, "connection": 0}
    made = page([source_of(cassette), source_of(cassette)], assets(), differences=[difference], report=EVIL)
    assert [tag for tag, _ in elements(made.html)] == tags
    data = made.html.partition('id="data">')[2].partition("</script>")[0]
    shown = json.loads(data)
    texts = [text for text in strings(shown) if not re.fullmatch(r"[A-Za-z0-9+/=]{64,}", text)]
    assert any("evil" in text for text in texts)
    for text in texts:
        assert all(line.isprintable() for line in text.split("\n")), ascii(text)[:300]
    assert made.html.encode()


def test_no_field_of_a_failed_test_makes_an_element_of_the_index(tmp_path: Path) -> None:
    for number in range(2):
        write(page([ViewedFile(EVIL, [EVIL], [])], assets(), report=EVIL), tmp_path / f"a{number}#?%20.html")
    made = index(tmp_path)
    assert made is not None
    html = made.read_text(encoding="utf-8")
    found = elements(html)
    assert [tag for tag, _ in found if tag in ("script", "img", "details")] == []
    links = [attributes["href"] for tag, attributes in found if tag == "a"]
    assert links == ["a0%23%3F%2520.html", "a1%23%3F%2520.html"]
    assert "default-src 'none'" in html
    assert all(line.isprintable() for line in html.replace("\t", "").splitlines())


def test_no_field_of_a_running_session_reaches_the_log_or_a_page_as_it_is() -> None:
    journal = Journal()
    cassette = hostile("openai", EVIL)
    one = cassette.connections[0]
    log = journal.open(DIALECTS["openai"])
    lines: list[str] = []
    for level in (1, 2):
        journal.listen(ServerLog(journal, level=level, write=lines.append))
    journal.write(log, 0, Sender.CLIENT, one.handshake)
    journal.write(log, 0, Sender.SERVER, one.answer)
    for kind in ("fault", "misbehaviour", "server", EVIL):
        journal.note(log, 0, Note(kind, EVIL, {"line": EVIL, EVIL: EVIL}))
    for record in one.records:
        journal.write(log, record.at, record.sender, record.frame)
    ours = re.compile("^\x1b\\[2m|\x1b\\[0m|(?<=  )\x1b\\[31m")  # the log's own colours
    inert(ours.sub("", line) for line in lines)
    inert(entry_lines(journal))
    for scene in of_journal(journal):
        for line in scene.lines:
            inert((line.name, line.summary, *line.text.split("\n")))


def test_millions_of_characters_are_cut() -> None:
    long = "x" * LONG
    delta = {"type": "response.output_text.delta", "item_id": long, "delta": long}
    cassette = hostile("openai", long[: LONG // 50], [delta])
    made = page([source_of(cassette)], assets(), report=long)
    assert len(made.html) < 3_000_000
    assert max(map(len, timeline(cassette))) < 1_000
    assert sum(map(len, markdown.alone(cassette, added=True))) < 65_536


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
