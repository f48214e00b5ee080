# livekit_client.py
"""livekit-plugins-openai as it is: made from a server's address, and closed again."""

from contextlib import asynccontextmanager

from livekit import rtc
from livekit.plugins import openai

from mockserver import speech


@asynccontextmanager
async def livekit(server, **options):
    """A realtime session of the plugin."""
    model = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="any", **options)
    session = model.session()
    try:
        yield session
    finally:
        await session.aclose()
        await model.aclose()


async def played(generation):
    """What the user hears of a reply, to its end: PCM16, 24 kHz."""
    frames = [bytes(frame.data) async for message in generation.message_stream async for frame in message.audio_stream]
    return b"".join(frames)


def speak(session, words, *, silence_ms=1_000):
    """The user says something and is then silent for a while."""
    pcm = speech.encode(words) + bytes(48 * silence_ms)
    session.push_audio(rtc.AudioFrame(pcm, 24_000, 1, len(pcm) // 2))
