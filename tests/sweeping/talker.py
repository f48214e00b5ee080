"""A small client of our own, for the sweep to work on: sound, or with one of twelve planted defects.

Sound means: a turn ends in words that are surely its own, or in an error, within ten seconds; after an error the next
turn begins on a new connection; what the service refuses for good is not asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, Self

import aiohttp

DEFECTS = {
    "no timeout": "a turn whose end is lost waits for ever",
    "slow timeout": "the user is told after 45 seconds",
    "takes part for all": "a reply that was cut off is given as if it were whole",
    "tells and takes part": "the same, but the user is told",
    "takes any reply": "the pieces of all replies are put together",
    "storm": "a refused handshake is tried again at once",
    "in vain": "a wrong key is tried again",
    "no reconnect": "a lost connection stays lost",
    "stays busy": "after an error every further turn is refused",
    "unseen task": "what comes is read in a task that nobody asks how it went",
    "orphan": "a task of a turn that failed goes on for ever",
    "open socket": "a connection that is given up is not closed",
}
WAIT_S = 10


class TurnFailed(Exception):
    """A turn that went wrong, in words for the user."""


class Talker:
    """``async with Talker(url) as talker: await talker.ask("one")``."""

    def __init__(self, url: str, *, defect: str = "", tell: Callable[[object], None] = lambda _: None) -> None:
        assert defect in ("", *DEFECTS)
        self.url, self.defect, self._tell = url, defect, tell
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._turn = 0
        self._busy = False
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        try:
            await self._connect()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._socket is not None:
            await self._give_up()
        await self._http.close()

    async def ask(self, text: str) -> str:
        """One turn: what the model says."""
        if self._busy:
            raise TurnFailed("another turn is on its way")
        seconds = {"no timeout": None, "slow timeout": 45}.get(self.defect, WAIT_S)
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(text)
        except (TurnFailed, TimeoutError, aiohttp.ClientError, OSError) as error:
            await self._failed()
            raise TurnFailed(f"{type(error).__name__}: {error}") from error

    # --- inside ---

    async def _failed(self) -> None:
        self._busy = self.defect == "stays busy"
        if self.defect == "orphan":
            self._tasks.append(asyncio.create_task(asyncio.Event().wait()))
        if self.defect in ("no reconnect", "stays busy"):
            return
        if self.defect == "open socket":
            self._http_old, self._old = self._http, self._socket
            self._http = aiohttp.ClientSession()
        elif self._socket is not None:
            await self._give_up()
        self._socket = None

    async def _give_up(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(2):
                await self._socket.close()
        self._socket = None

    async def _connect(self) -> None:
        tries = {"storm": 12, "in vain": 3}.get(self.defect, 2)
        for number in range(1, tries + 1):
            try:
                async with asyncio.timeout(WAIT_S):
                    self._socket = await self._http.ws_connect(self.url, headers={"Authorization": "Bearer any"})
                    await self._event("session.created")
                return
            except aiohttp.WSServerHandshakeError as error:
                final = error.status in (401, 403, 404) and self.defect != "in vain"
                if final or number == tries:
                    raise TurnFailed(f"refused with {error.status}") from error
                if self.defect != "storm":
                    await asyncio.sleep(2)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                raise TurnFailed(f"no connection: {error or 'no answer'}") from error

    async def _ask(self, text: str) -> str:
        if self._socket is None:
            await self._connect()
        self._turn += 1
        turn = str(self._turn)
        content = [{"type": "input_text", "text": text}]
        await self._send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self._event("conversation.item.added")
        response = {"output_modalities": ["text"], "metadata": {"turn": turn}}
        await self._send("response.create", response=response)
        if self.defect == "takes any reply":
            return await self._any_reply()
        mine: str | None = None
        pieces = ""
        while True:
            event = await self._event("response.created", "response.output_text.delta", "response.done")
            about = event.get("response") or {}
            if event["type"] == "response.created" and (about.get("metadata") or {}).get("turn") == turn:
                mine = about.get("id")
            elif event["type"] == "response.output_text.delta" and event.get("response_id") == mine:
                pieces += event.get("delta") or ""
            elif event["type"] == "response.done" and mine is not None and about.get("id") == mine:
                return self._whole(about, pieces)

    def _whole(self, response: dict[str, Any], pieces: str) -> str:
        """The words of a response that is complete."""
        if response.get("status") != "completed":
            if self.defect == "tells and takes part":
                self._tell(f"the reply is {response.get('status')}")
            if self.defect in ("takes part for all", "tells and takes part"):
                return pieces
            raise TurnFailed(f"the reply is {response.get('status')}")
        try:
            return "".join(part["text"] for item in response["output"] for part in item["content"])
        except (KeyError, TypeError) as error:
            raise TurnFailed("the reply has no words") from error

    async def _any_reply(self) -> str:
        pieces = ""
        while True:
            event = await self._event("response.output_text.delta", "response.done")
            if event["type"] == "response.done":
                if (event.get("response") or {}).get("status") != "completed":
                    raise TurnFailed("the reply is not complete")
                return pieces
            pieces += event.get("delta") or ""

    async def _send(self, name: str, /, **fields: Any) -> None:
        assert self._socket is not None
        await self._socket.send_json({"type": name, **fields})

    async def _event(self, *names: str) -> dict[str, Any]:
        """The next event of one of these names; anything else goes by."""
        while True:
            if self.defect == "unseen task":
                event = await self._read_unseen()
            else:
                event = await self._read()
            if event.get("type") == "error":
                raise TurnFailed(f"the service says: {(event.get('error') or {}).get('message')}")
            if event.get("type") in names:
                return event

    async def _read_unseen(self) -> dict[str, Any]:
        came: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        async def read() -> None:
            event = await self._read()
            if not came.done():
                came.set_result(event)

        task = asyncio.create_task(read())
        try:
            return await came
        finally:
            if not task.done():
                task.cancel()

    async def _read(self) -> dict[str, Any]:
        assert self._socket is not None
        message = await self._socket.receive()
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise TurnFailed(f"the connection has ended: {message.data}")
        try:
            event = json.loads(message.data)
        except ValueError as error:
            raise TurnFailed("what came is no JSON") from error
        if not isinstance(event, dict) or not isinstance(event.get("response") or {}, dict):
            raise TurnFailed("what came is no event")
        return event
