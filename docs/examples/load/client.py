"""One text session of three turns with pauses, of which text.cassette was made:

mockserver serve scenarios.yaml --port 4000 &
mockserver record --upstream http://127.0.0.1:4000/v1 --dialect openai --to text.cassette -- python client.py
"""

import asyncio
import os

import aiohttp

PAUSE = 15  # seconds between turns, as people make them
QUESTIONS = ("What is the weather?", "And tomorrow?", "Should I take a coat?")


async def main():
    url = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime?model=gpt-realtime"
    headers = {"Authorization": "Bearer any"}
    async with aiohttp.ClientSession(headers=headers) as http, http.ws_connect(url) as socket:
        number = 0

        async def send(event):
            nonlocal number
            number += 1
            await socket.send_json({"event_id": f"event_client{number:04}", **event})

        await send({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}})
        for place, question in enumerate(QUESTIONS):
            if place:
                await asyncio.sleep(PAUSE)
            content = [{"type": "input_text", "text": question}]
            item = {"type": "message", "role": "user", "content": content}
            await send({"type": "conversation.item.create", "item": item})
            await send({"type": "response.create"})
            async for message in socket:
                if message.json()["type"] == "response.done":
                    break


asyncio.run(main())
