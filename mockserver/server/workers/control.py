"""The control API where several processes share a port: whichever answers, it answers for all of them.

``state``, ``problems``, ``faults`` and ``metrics`` are gathered. A fault that is set on one is set on all: the first
process orders the changes, and tells the others what is to be set. Sessions are numbered by each process; ``?worker=N``
goes to that one, for the journal and for single sessions.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mockserver.core.frames import first
from mockserver.engines.base import Request
from mockserver.server.control import ROOT, Control, Refused
from mockserver.server.rim import Serving
from mockserver.server.workers.crew import ORDERED, Crew

CHANGES = ("POST", "PUT", "DELETE")


class CrewControl(Control):
    """Answers clients. ``own`` answers for this process alone, to the others."""

    def __init__(self, server: Serving, crew: Crew) -> None:
        super().__init__(server)
        self._crew = crew
        self._ordering = asyncio.Lock()
        self._revision = 0
        self.headers = (("X-Mockserver-Worker", str(crew.index)),)

    # --- from clients ---

    async def _do(self, request: Request) -> tuple[int, Any]:
        steps = [step for step in request.path.removeprefix(ROOT).split("/") if step]
        match request.method, steps:
            case "GET", ["state"]:
                return 200, await self._whole_state()
            case "GET", ["problems"]:
                return 200, {"problems": await self._all_problems()}
            case "GET", ["faults"]:
                return 200, {"faults": _added(await self._everyone("faults"))}
            case method, ["faults", *_] if method in CHANGES:
                return await self._ordered(request)
            case _, ["sessions" | "journal" | "scene", *_] if (asked := first(request.query, "worker")) is not None:
                return await self._sent_to(asked, request)
            case _:
                return await super()._do(request)

    async def _snapshots(self) -> list[tuple[str, Mapping[str, Any]]]:
        found = await self._everyone("meters")
        return [(str(worker), snapshot) for worker, snapshot in found.items()]

    async def _everyone(self, what: str) -> dict[int, Any]:
        """The answers of all processes, by number."""
        others = await self._crew.ask_others("GET", f"{ROOT}/{what}")
        return dict(sorted({**others, self._crew.index: await self.told(what)}.items()))

    async def _whole_state(self) -> dict[str, Any]:
        found = await self._everyone("state")
        mine = found[self._crew.index]
        sessions = [{**one, "worker": worker} for worker, state in found.items() for one in state["sessions"]]
        return {
            **mine,
            "worker": self._crew.index,
            "workers": sorted(found),
            "missing": sorted(set(range(self._crew.count)) - set(found)),
            "entries": sum(state["entries"] for state in found.values()),
            "sessions": sessions,
            "faults": _added({worker: {"faults": state["faults"]} for worker, state in found.items()}),
            "problems": await self._all_problems(),
        }

    async def _all_problems(self) -> list[str]:
        found = await self._everyone("own-problems")
        told = [problem for answer in found.values() for problem in answer["problems"]]
        return [*told, *never_fired([answer["unfired"] for answer in found.values()])]

    async def _sent_to(self, worker: str, request: Request) -> tuple[int, Any]:
        if not worker.isascii() or not worker.isdigit() or int(worker) >= self._crew.count:
            raise Refused(404, f"no worker {worker[:20]!r}; there are 0 to {self._crew.count - 1}")
        query = [(name, value) for name, value in request.query if name != "worker"]
        try:
            path = quote(request.path) + (f"?{urlencode(query)}" if query else "")
            return await self._crew.ask(int(worker), request.method, path)
        except (OSError, TimeoutError, ValueError):
            raise Refused(503, f"worker {worker} does not answer; it may be starting again") from None

    async def _ordered(self, request: Request) -> tuple[int, Any]:
        """A change of faults: by the first process, for all."""
        if self._crew.index:
            content = first(request.headers, "content-type") or ""
            headers = {"Content-Type": content, ORDERED: "1"}
            try:
                return await self._crew.ask(0, request.method, quote(request.path), body=request.body, headers=headers)
            except (OSError, TimeoutError, ValueError):
                raise Refused(503, "worker 0, which orders faults, does not answer; it may be starting again") from None
        async with self._ordering:
            status, body = await super()._do(request)
            self._revision += 1
            await self._crew.ask_others("PUT", f"{ROOT}/fault-table", body=json.dumps(self._table()).encode())
        return status, body

    # --- from other processes ---

    async def inside(self, request: Request) -> tuple[int, Any]:
        """What another process asks of this one."""
        steps = [step for step in request.path.removeprefix(ROOT).split("/") if step]
        match request.method, steps:
            case "GET", ["meters" | "own-problems" | "fault-table" as what]:
                return 200, await self.told(what)
            case "PUT", ["fault-table"]:
                self._set_table(json.loads(request.body))
                return 200, {}
            case _, ["faults", *_] if first(request.headers, ORDERED) is not None:
                return await self._ordered(request)
            case _:
                return await super()._do(request)

    async def told(self, what: str) -> Any:
        """What this process says of itself."""
        match what:
            case "state":
                return await self._state()
            case "faults":
                return {"faults": self._faults()}
            case "meters":
                meters = self._server.meters
                return None if meters is None else meters.snapshot()
            case "own-problems":
                return {"problems": [str(one) for one in self._server.problems()], "unfired": self._server.unfired()}
            case "fault-table":
                return self._table()
            case _:
                raise AssertionError(what)

    # --- which faults are to be set ---

    def _table(self) -> dict[str, Any]:
        return {
            "revision": self._revision,
            "faults": {str(number): armed.fault.spec for number, armed in self._server.faults.items()},
        }

    def _set_table(self, table: Mapping[str, Any]) -> None:
        """Set what is to be set, under the numbers that the others know."""
        if table["revision"] < self._revision:
            return
        self._revision = table["revision"]
        wanted: dict[int, str] = {int(number): spec for number, spec in table["faults"].items()}
        here = {number: armed.fault.spec for number, armed in self._server.faults.items()}
        for number in here:
            if number not in wanted:
                self._server.remove_fault(number)
        for number, spec in wanted.items():
            if number not in here:
                self._server.add_fault(spec, number=number)
            elif here[number] != spec:
                self._server.change_fault(number, spec)

    async def catch_up(self) -> None:
        """Set what was set before this process came: the first has it, or where that is the new one, any other."""
        for worker in self._crew.others:
            try:
                status, table = await self._crew.ask(worker, "GET", f"{ROOT}/fault-table")
            except (OSError, TimeoutError, ValueError):
                continue
            if status == 200:
                self._set_table(table)
                return


def _added(answers: Mapping[int, Any]) -> list[dict[str, Any]]:
    """The faults of all, each once: how often it fired is the sum."""
    found: dict[int, dict[str, Any]] = {}
    for answer in answers.values():
        for one in answer["faults"]:
            known = found.setdefault(one["id"], {**one, "fired": 0})
            known["fired"] += one["fired"]
    return list(found.values())


def never_fired(tables: list[dict[str, str | None]]) -> list[str]:
    """Of faults that no process has met, what each says. ``tables``: fault to its complaint, None where it fired."""
    names = dict.fromkeys(name for table in tables for name in table)
    told: list[str] = []
    for name in names:
        said = [table[name] for table in tables if name in table]
        if said and all(text is not None for text in said):
            told.append(str(said[0]))
    return told
