"""Which dialect a handshake is of, and what every dialect must hold to."""

from __future__ import annotations

import pytest

from mockserver.core.frames import Binary, Close, Handshake, Hangup, Lost, Send, Sender, Text
from mockserver.core.view import Kind
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.problems import Problem
from mockserver.dialects.registry import DIALECTS, dialect_for, dialect_named
from mockserver.errors import UsageError
from tests.dialects import page

ALL = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))


@pytest.mark.parametrize(
    ("shake", "name"),
    [
        (Handshake("/v1/realtime", (("model", "gpt-realtime"),)), "openai"),
        (Handshake("/realtime"), "openai"),
        (Handshake("/cassette/abc/realtime"), "openai"),
        (Handshake("/v1/realtime", headers=(("OpenAI-Beta", "realtime=v1"),)), "openai_beta"),
        (
            Handshake("/v1/realtime", subprotocols=("realtime", "openai-beta.realtime-v1")),
            "openai_beta",
        ),
        (Handshake("/v1/realtime", (("model", "grok-voice-latest"),)), "xai"),
        (Handshake("/openai/v1/realtime", (("model", "d"),)), "azure"),
        (
            Handshake("/openai/realtime", (("api-version", "2024-10-01-preview"), ("deployment", "d"))),
            "azure_dated",
        ),
        (Handshake("/openai/realtime"), "azure"),
        (Handshake("/voice-live/realtime", (("api-version", "2025-10-01"),)), "azure_voice_live"),
        (Handshake("/v1/live/sessions"), "gpt_live"),
        (Handshake("/openai/v1/live/sessions"), "gpt_live"),
        (
            Handshake("/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"),
            "gemini",
        ),
        (
            Handshake("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContentConstrained"),
            "gemini",
        ),
        (
            Handshake("/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"),
            "gemini",
        ),
        (Handshake("/v1/convai/conversation", (("agent_id", "a"),)), "elevenlabs"),
        (Handshake("/v1/sts/ws"), "phonic"),
        (Handshake("/api/chat", (("voice_prompt", "NATF2.pt"),)), "personaplex"),
        (Handshake("/anything"), "generic"),
        (Handshake("/"), "generic"),
    ],
)
def test_a_handshake_is_recognised(shake: Handshake, name: str) -> None:
    assert dialect_for(shake).name == name


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"'opnai': expected one of azure, azure_dated, .*, xai; did you mean 'openai'\?"
    ):
        dialect_named("opnai")


@ALL
def test_a_socket_path_leads_back_to_its_family(dialect: Dialect) -> None:
    # Beta shape, dated versions and xAI need a header or a query to be told from their siblings.
    found = dialect_for(Handshake(dialect.socket_path))
    needs_more = {"openai_beta": "openai", "azure_dated": "azure", "xai": "openai"}
    assert found.name == needs_more.get(dialect.name, dialect.name)


@ALL
def test_variables_point_at_the_server(dialect: Dialect) -> None:
    made = dialect.env(http="http://127.0.0.1:4000", ws="ws://127.0.0.1:4000", key="k")
    assert made
    assert all("{" not in value for value in made.values())
    assert set(made.values()) <= {
        "k",
        "us-east-1",  # AWS' clients sign for a region, whichever
        "http://127.0.0.1:4000",
        "ws://127.0.0.1:4000",
        "http://127.0.0.1:4000" + dialect.base_path,
        "ws://127.0.0.1:4000" + dialect.socket_path,
    }


@ALL
@pytest.mark.parametrize("sender", Sender)
def test_no_frame_is_too_odd_for_a_lens(dialect: Dialect, sender: Sender) -> None:
    odd = [
        *(
            "",
            "{",
            "null",
            "[]",
            "{}",
            "3",
            '"x"',
            '{"type":3}',
            '{"type":"session.update","session":3}',
            '{"error":null}',
        ),
        *(
            '{"type":"response.create","response":null,"item":[]}',
            '{"realtimeInput":3}',
            '{"realtime_input":{"audio":3}}',
        ),
        *(
            '{"realtimeInput":{"mediaChunks":[]}}',
            '{"serverContent":{"modelTurn":{"parts":3}}}',
            '{"serverContent":null}',
        ),
        *(
            '{"type":"audio_chunk","audio":3}',
            '{"type":"config","input_format":3}',
            '{"type":"session.start","session":[]}',
        ),
        "[" * 100_000,
    ]
    frames = [
        *map(Text, odd),
        Binary(b""),
        Binary(b"{"),
        Binary(b"\xff\xfe"),
        Binary(b"\x02\xff"),
        Close(),
        Close(1000, "x"),
        Lost(),
    ]
    for frame in frames:
        view = dialect.view(frame, sender)
        assert dialect.peek(frame, sender) == view.name
        assert isinstance(dialect.summary(view), str)
        assert "\n" not in dialect.summary(view)
        dialect.audio_format(view, dialect_named("openai").audio_format(view, _default()))
        dialect.independent(view, view)


def _default() -> object:
    from mockserver.dialects.base import SampleFormat

    return SampleFormat()


@ALL
def test_a_refusal_ends_with_a_close_that_fits_its_frame(dialect: Dialect) -> None:
    *before, last = dialect.refusal(Problem("replay_mismatch", "x" * 500))
    assert isinstance(last, Hangup)
    assert len(last.reason.encode()) <= 123
    assert all(isinstance(one, Send) for one in before)
    if before:
        assert isinstance(before[0], Send)
        view = dialect.view(before[0].frame, Sender.SERVER)
        assert view.kind is Kind.EVENT
        assert view.name == "error" or view.name.endswith("Exception")


def test_the_table_in_the_documentation_is_what_the_code_says() -> None:
    assert page.table() in (page.DOCS / "providers.md").read_text(encoding="utf-8")


def test_every_provider_has_a_page_of_facts() -> None:
    assert [one.name for one in DIALECTS.values() if one is not GENERIC and page.facts(one) is None] == []


@pytest.mark.parametrize("dialect", [one for one in DIALECTS.values() if one.simulator], ids=lambda one: one.name)
def test_a_wire_that_cannot_tell_an_orphan_or_a_cut_says_what_to_look_at_instead(dialect: Dialect) -> None:
    life = dialect.life
    assert bool(life.begins and life.truncated_item) != bool(life.instead)
