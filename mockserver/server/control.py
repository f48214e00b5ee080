"""The control API: faults, journal, state and problems over HTTP, under ``/__mockserver__/``, for any language.

    GET    /__mockserver__/             what there is
    GET    /__mockserver__/schema       the shapes, as JSON schema
    GET    /__mockserver__/state        server, sessions, faults, problems
    GET    /__mockserver__/sessions/N   one session
    GET    /__mockserver__/journal      entries; ?since= &session= &sender= &name= &kind= &limit= &wait_ms=
    GET    /__mockserver__/problems     what a test should fail for
    GET    /__mockserver__/faults       the faults that are set
    POST   /__mockserver__/faults       {"spec": "delay 11s on response.created"} sets one
    PUT    /__mockserver__/faults/N     {"spec": "..."} puts another in its place
    DELETE /__mockserver__/faults/N     takes one away
    DELETE /__mockserver__/faults       takes all away
    POST   /__mockserver__/sessions/N/pause   holds all that either side says; .../resume lets it go on
    GET    /__mockserver__/metrics      counts and times, in Prometheus' text form
    GET    /__mockserver__/ui           a page that shows running sessions and sets faults
    GET    /__mockserver__/scene        what that page draws; ?since= &wait_ms=

Without a token it answers on loopback only, to requests whose Host is this machine (a page that rebinds its DNS name to
127.0.0.1 has another), and to no page of another origin. With a token it answers whoever has it.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mockserver.core.entry import Entry
from mockserver.core.frames import Answer, Binary, Close, Handshake, Lost, Note, Pairs, Sender, Text, first
from mockserver.engines.base import HttpReply, Kinded, Request, Source
from mockserver.errors import SpecError, UsageError
from mockserver.server.bit_by_bit import breathing, encoded, imported
from mockserver.server.coming import entry_comes
from mockserver.server.rim import Serving
from mockserver.server.sessions import SessionHandle

if TYPE_CHECKING:
    from mockserver.server.live import Live

ROOT = "/__mockserver__"
MODEL = "mockserver.server.control_model"
MAX_BODY = 64 * 1024
SENDERS = tuple(map(str, Sender))
KINDS = tuple(kind.__name__.lower() for kind in (Handshake, Answer, Text, Binary, Close, Lost, Note))
"""What an entry of the journal may be (``core.journal.What``)."""
MAX_PAGE, MAX_PAGE_BYTES = 10_000, 16 << 20
"""Entries of one page of the journal, and bytes of frames in it."""
MAX_WAIT_MS = 30_000


class Refused(Exception):
    """A request that is not done, with its status."""

    def __init__(self, status: int, message: str, *, column: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.column = column


class Control:
    """The control API of one server."""

    def __init__(self, server: Serving) -> None:
        self._server = server
        self.headers: Pairs = ()
        """What every answer carries besides."""
        self._live: Live | None = None

    async def answer(self, request: Request, *, peer: str | None, inside: bool = False) -> HttpReply:
        """The answer to one request. ``peer``: the client's address. ``inside``: one of its other processes."""
        if (request.method, request.path) == ("GET", f"{ROOT}/ui"):
            from mockserver.server.live import ui

            return ui()  # it holds no data; what it asks for is asked under the rules below
        try:
            refusal = None if inside else self._server.admission.to_control(request.headers, peer)
            if refusal is not None:
                raise Refused(*refusal)
            if (request.method, request.path) == ("GET", f"{ROOT}/metrics"):
                return await self._metrics()
            status, body = await (self.inside(request) if inside else self._do(request))
        except Refused as refusal:
            status, body = refusal.status, {"error": {"message": str(refusal), "column": refusal.column}}
        except Exception as error:  # noqa: BLE001 - damage in a cassette is found when a frame of it is looked at
            status, body = 500, {"error": {"message": f"cannot be told: {type(error).__name__}: {error}"}}
        headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), *self.headers)
        first_of_it, *rest = await encoded(body)
        return HttpReply(status, headers, first_of_it, tuple(rest))

    # --- what is asked ---

    async def inside(self, request: Request) -> tuple[int, Any]:
        """What another process asks of this one; where there is one process, nobody does."""
        raise Refused(404, f"nothing here at {request.path}")

    async def catch_up(self) -> None:
        """There is nobody to ask."""

    async def _snapshots(self) -> list[tuple[str, Mapping[str, Any]]]:
        meters = self._server.meters
        return [] if meters is None else [("", meters.snapshot())]

    async def _metrics(self) -> HttpReply:
        from mockserver.server.metrics import CONTENT_TYPE, rendered

        snapshots = await self._snapshots()
        if not snapshots:
            raise Refused(404, "this server does not count: start it with `mockserver serve`, or metrics=True")
        try:
            text = rendered(snapshots)
        except UsageError as error:
            raise Refused(501, str(error)) from None
        return HttpReply(200, (("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store"), *self.headers), text)

    async def _do(self, request: Request) -> tuple[int, Any]:
        steps = [step for step in request.path.removeprefix(ROOT).split("/") if step]
        match request.method, steps:
            case "GET", []:
                return 200, {"mockserver": _version(), "see": _lines()}
            case "GET", ["schema"]:
                await imported(MODEL)
                from mockserver.server.control_model import schema

                return 200, schema()
            case "GET", ["state"]:
                return 200, await self._state()
            case "GET", ["problems"]:
                return 200, {"problems": [str(problem) for problem in self._server.problems()]}
            case "GET", ["sessions", number]:
                handle = self._numbered(number)
                return 200, self._session(handle, handle.log.entries)
            case "POST", ["sessions", number, "pause" | "resume" as what]:
                handle = self._numbered(number)
                (handle.pause if what == "pause" else handle.resume)()
                return 200, {"session": handle.number, "paused": handle.paused}
            case "GET", ["scene"]:
                return 200, await self._scene(request)
            case "GET", ["journal"]:
                return 200, await self._journal(request)
            case "GET", ["faults"]:
                return 200, {"faults": self._faults()}
            case "POST", ["faults"]:
                await imported(MODEL)
                return 201, self._set(request, None)
            case "PUT", ["faults", number]:
                await imported(MODEL)
                return 200, self._set(request, self._fault(number))
            case "DELETE", ["faults"]:
                for one in list(self._server.faults):
                    self._server.remove_fault(one)
                return 200, {"faults": self._faults()}
            case "DELETE", ["faults", number]:
                return 200, self._remove(number)
            case _, ["schema" | "state" | "problems" | "journal" | "faults" | "scene" | "ui" | "metrics"] | [
                "sessions" | "faults",
                _,
            ] | []:
                raise Refused(405, f"{request.method} is not possible for {request.path}")
            case _, ["sessions", _, "pause" | "resume"]:
                raise Refused(405, f"{request.method} is not possible for {request.path}")
            case _:
                raise Refused(404, f"nothing here at {request.path}; GET {ROOT}/ lists what there is")

    async def _state(self) -> dict[str, Any]:
        server = self._server
        sessions = [self._session(handle, handle.log.entries) async for handle in breathing(tuple(server.sessions))]
        return {
            "version": _version(),
            "dialect": server.dialect.name,
            "source": _kind_of_source(server.source),
            "seed": server.seed,
            "base_url": server.base_url,
            "ws_url": server.ws_url,
            "elapsed_us": server.elapsed_us,
            "entries": len(server.journal),
            "sessions": sessions,
            "faults": self._faults(),
            "problems": [str(problem) for problem in server.problems()],
        }

    def _session(self, handle: SessionHandle, entries: int) -> dict[str, Any]:
        shown = handle.told()
        handshake = handle.log.handshake or Handshake()
        safe = self._server.journal.shown(handshake)
        assert isinstance(safe, Handshake)
        return {
            "number": handle.number,
            "scenario": handle.log.scenario,
            "path": safe.path,
            "query": [list(pair) for pair in safe.query],
            "began_us": handle.log.began_us,
            "over": handle.over,
            "engine": shown.engine,
            "values": json.loads(json.dumps(shown.values, default=_plain)),
            "entries": entries,
        }

    def _numbered(self, text: str) -> SessionHandle:
        for handle in self._server.sessions:
            if str(handle.number) == text:
                return handle
        there = ", ".join(str(handle.number) for handle in self._server.sessions) or "none so far"
        raise Refused(404, f"no session {text}; there are: {there}")

    def _faults(self) -> list[dict[str, Any]]:
        return [
            {"id": number, "spec": armed.fault.spec, "optional": armed.fault.optional, "fired": armed.fired}
            for number, armed in self._server.faults.items()
        ]

    def _set(self, request: Request, number: int | None) -> dict[str, Any]:
        """A new fault; with a number, in the place of that one."""
        from pydantic import ValidationError

        from mockserver.server.control_model import NewFault

        if (first(request.headers, "content-type") or "").split(";")[0].strip().lower() != "application/json":
            raise Refused(415, 'expected a body of Content-Type application/json: {"spec": "..."}')
        if len(request.body) > MAX_BODY:
            raise Refused(413, f"a body may have {MAX_BODY} bytes")
        try:
            asked = NewFault.model_validate_json(request.body)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in wrong["loc"]) or "body"
            example = '{"spec": "reset after 3s"}'
            raise Refused(400, f"{where}: {wrong['msg']}; expected {example}") from None
        try:
            if number is None:
                number = self._server.add_fault(asked.spec)
            else:
                self._server.change_fault(number, asked.spec)
        except SpecError as error:
            raise Refused(400, str(error), column=error.column) from None
        except UsageError as error:
            raise Refused(400, str(error)) from None
        return next(fault for fault in self._faults() if fault["id"] == number)

    def _fault(self, text: str) -> int:
        found = next((number for number in self._server.faults if str(number) == text), None)
        if found is None:
            raise Refused(404, f"no fault has the id {text}")
        return found

    def _remove(self, text: str) -> dict[str, Any]:
        number = self._fault(text)
        found = next(fault for fault in self._faults() if fault["id"] == number)
        self._server.remove_fault(number)
        return found

    async def _scene(self, request: Request) -> dict[str, Any]:
        _only(request.query, {"since", "wait_ms"})
        since = _number(request.query, "since", 0, math.inf)
        if self._live is None:
            from mockserver.server.live import Live

            self._live = Live(self._server)
        await self._live.wait(since, _number(request.query, "wait_ms", 0, MAX_WAIT_MS) / 1000)
        return await self._live.page(since)

    async def _journal(self, request: Request) -> dict[str, Any]:
        _only(request.query, {"since", "session", "sender", "name", "kind", "limit", "wait_ms"})
        since = _number(request.query, "since", 0, math.inf)
        limit = _number(request.query, "limit", MAX_PAGE, MAX_PAGE)
        wait_ms = _number(request.query, "wait_ms", 0, MAX_WAIT_MS)
        wanted = self._filter(request.query)
        page = await self._page(since, limit, wanted)
        if not page["entries"] and wait_ms:
            journal = self._server.journal
            await entry_comes(journal, lambda entry: entry.index >= since and wanted(entry), wait_ms / 1000)
            page = await self._page(since, limit, wanted)
        return page

    async def _page(self, since: int, limit: int, wanted: Callable[[Entry], bool]) -> dict[str, Any]:
        index, size = since, 0
        made: list[dict[str, Any]] = []
        end = len(self._server.journal)  # sessions may write as fast as this reads
        async for entry in breathing(self._server.journal.entries.since(since)):
            if len(made) >= limit or size >= MAX_PAGE_BYTES or entry.index >= end:
                break
            index = entry.index + 1
            if wanted(entry):
                made.append(self._entry(entry))
                size += len(entry.what.data) if isinstance(entry.what, Text | Binary) else 0
        return {"entries": made, "next": max(index, since)}

    def _filter(self, query: Pairs) -> Callable[[Entry], bool]:
        session = None if first(query, "session") is None else _number(query, "session", 0, math.inf)
        sender, kind = _one_of(query, "sender", SENDERS), _one_of(query, "kind", KINDS)
        name = first(query, "name")

        def wanted(entry: Entry) -> bool:
            return (
                session in (None, entry.session)
                and (sender is None or entry.sender == sender)
                and (kind is None or _kind(entry) == kind)
                and (name is None or fnmatchcase(self._name(entry), name))
            )

        return wanted

    def _name(self, entry: Entry) -> str:
        if isinstance(entry.what, Note):
            return entry.what.kind
        if entry.sender is None or isinstance(entry.what, Handshake | Answer):
            return _kind(entry)
        return self._server.journal.sessions[entry.session].lens.peek(entry.what, entry.sender)

    def _entry(self, entry: Entry) -> dict[str, Any]:
        made: dict[str, Any] = {
            "index": entry.index,
            "session": entry.session,
            "at_us": entry.at,
            "sender": None if entry.sender is None else str(entry.sender),
            "kind": _kind(entry),
            "name": self._name(entry),
        }
        match entry.what:
            case Text(data):
                made["text"] = data
            case Binary(payload):
                made["base64"] = b64encode(payload).decode()
            case Close(code, reason):
                made |= {"code": code, "reason": reason}
            case Lost(reason):
                made["reason"] = reason
            case Note(_, text, data):
                made |= {"text": text, "data": json.loads(json.dumps(dict(data), default=_plain))}
            case Handshake() | Answer() as handshake:
                made["data"] = _head(self._server.journal.shown(handshake))
        return made


def _kind_of_source(source: Source) -> str:
    """``simulator``, ``replay``, ``script``, ``relay``; the class's name where the source is not ours."""
    return source.kind if isinstance(source, Kinded) else type(source).__name__


def _plain(value: object) -> Any:
    """What JSON does not know: our values as objects, so that a test in any language can read their fields."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return dict(value) if isinstance(value, Mapping) else str(value)


def _kind(entry: Entry) -> str:
    return type(entry.what).__name__.lower()


def _head(safe: Handshake | Answer) -> dict[str, Any]:
    """What a handshake or its answer says, without bodies."""
    if isinstance(safe, Handshake):
        return {"path": safe.path, "query": safe.query, "headers": safe.headers}
    return {"status": safe.status, "headers": safe.headers, "subprotocol": safe.subprotocol}


def _only(query: Pairs, known: set[str]) -> None:
    unknown = {name for name, _ in query} - known
    if unknown:
        raise Refused(400, f"unknown parameter {', '.join(sorted(unknown))}; see GET {ROOT}/")


def _one_of(query: Pairs, name: str, known: tuple[str, ...]) -> str | None:
    text = first(query, name)
    if text is not None and text not in known:
        raise Refused(400, f"{name}={text[:20]!r}: expected one of {', '.join(known)}")
    return text


def _number(query: Pairs, name: str, default: int, most: float) -> int:
    text = first(query, name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Refused(400, f"{name}={text[:20]!r}: expected a whole number")
    return min(int(text), int(most)) if most != math.inf else int(text)


def _version() -> str:
    from mockserver.version import __version__

    return __version__


def _lines() -> list[str]:
    return [line.strip() for line in (__doc__ or "").splitlines() if f" {ROOT}" in line and line.strip()[0].isupper()]
