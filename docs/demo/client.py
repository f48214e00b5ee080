"""A small realtime client: one question, one answer, over a plain websocket.

It knows nothing of mockserver. Where to connect it takes from OPENAI_BASE_URL, as the OpenAI libraries do. It prints
one line of JSON for each frame, and one at the end with the words of the reply.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import aiohttp

QUESTION = "What is the weather in Oslo?"
REQUESTS: tuple[dict[str, Any], ...] = (
    {
        "type": "session.update",
        "session": {"type": "realtime", "instructions": "Answer in one sentence."},
    },
    {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": QUESTION}],
        },
    },
    {"type": "response.create"},
)


async def main() -> None:
    url = f"{os.environ['OPENAI_BASE_URL']}/realtime?model=gpt-realtime"
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    began, said = time.monotonic(), ""

    def show(arrow: str, event: dict[str, Any]) -> None:
        milliseconds = round((time.monotonic() - began) * 1000)
        print(json.dumps({"ms": milliseconds, "arrow": arrow, "event": event["type"]}), flush=True)

    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, headers=headers, max_msg_size=0) as socket,
    ):
        async for message in socket:
            event = message.json()
            show("<", event)
            if event["type"] == "session.created":
                for request in REQUESTS:
                    await socket.send_json(request)
                    show(">", request)
            if event["type"] == "response.output_audio_transcript.delta":
                said += event["delta"]
            if event["type"] == "error":
                raise SystemExit(f"the server says: {event['error']['message']}")
            if event["type"] == "response.done":
                break
    print(json.dumps({"said": said.strip()}), flush=True)


asyncio.run(main())
