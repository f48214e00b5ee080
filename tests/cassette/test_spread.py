"""A secret in pieces: said in several deltas, it is in no frame, no partial file and no cassette."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette import quiet as quiet_module
from mockserver.cassette.clean import scrub, verify
from mockserver.cassette.model import Cassette
from mockserver.cassette.patterns import TOKEN
from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread
from mockserver.core.frames import Binary, Frame, Sender, Text
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.personaplex import PERSONAPLEX
from mockserver.errors import SecretFound
from tests.cassette.make import audio_delta, cassette, event, noise

KEY = "sk-proj-abcdefghijklmnop0123"


def delta(text: str, item: str = "item_1", kind: str = "response.output_text.delta") -> Text:
    return event(type=kind, response_id="resp_1", item_id=item, content_index=0, delta=text)


def said(made: Cassette, item: str = "item_1") -> str:
    bodies = [json.loads(one.frame.data) for one in made.connections[0].records if isinstance(one.frame, Text)]
    return "".join(body["delta"] for body in bodies if body.get("item_id") == item)


@pytest.mark.parametrize("place", range(1, len(KEY)))
def test_split_in_two_anywhere(place: int) -> None:
    made = scrub(
        cassette(delta("it is " + KEY[:place]), delta(KEY[place:] + ", yes")),
        Redactor(),
        lens=OPENAI,
    )
    text = said(made)
    assert KEY[:place] not in text or place < 3
    assert KEY[place:] not in text or len(KEY) - place < 3
    assert text.startswith("it is REDACTED-")
    assert text.endswith(", yes")


@pytest.mark.parametrize("before", ["Authorization: Bearer ", "authorization: bearer ", "auth_tokens/"])
def test_a_token_that_only_the_delta_before_it_gives_away(before: str) -> None:
    token = "tulip4711meadow"
    made = scrub(cassette(delta(before), delta(token)), Redactor(), lens=OPENAI)
    assert said(made) == f"{before}REDACTED-split-1"
    control = scrub(cassette(delta("the password of the day: "), delta(token)), Redactor(), lens=OPENAI)
    assert said(control).endswith(token), "the word alone is no secret"


def test_a_known_value_with_spaces_is_found_across_a_border() -> None:
    redactor = Redactor(values=["open sesame now"])
    made = scrub(cassette(delta("say open "), delta("sesame now please")), redactor, lens=OPENAI)
    assert "sesame now" not in said(made)
    assert said(made).endswith(" please")


@given(st.lists(st.integers(1, len(KEY) - 1), max_size=8, unique=True).map(sorted))
def test_split_into_any_number_of_pieces_among_other_streams(places: list[int]) -> None:
    pieces = [KEY[a:b] for a, b in zip([0, *places], [*places, len(KEY)], strict=True)]
    frames: list[Frame] = [delta("Well, ")]
    for piece in pieces:
        frames += [
            delta(piece),
            delta("harmless ", "item_2"),
            audio_delta(noise(960), item_id="item_1x"),
        ]
    made = scrub(cassette(*frames, delta(" is it")), Redactor(), lens=OPENAI)
    text = said(made)
    assert text.startswith("Well, REDACTED-")
    assert text.endswith(" is it")
    assert not any(piece in text for piece in pieces if len(piece) > 4)
    assert said(made, "item_2") == "harmless " * len(pieces)


def test_a_known_value_and_geminis_parts_and_json_in_bytes() -> None:
    clean = Redactor(values=["correct horse battery"])

    def part(text: str) -> bytes:
        return event(serverContent={"modelTurn": {"parts": [{"text": text}]}}).data.encode()

    made = scrub(
        cassette(Binary(part("say correct hor")), Binary(part("se battery now"))),
        clean,
        lens=OPENAI,
    )
    assert [json.loads(one.frame.data)["serverContent"]["modelTurn"]["parts"][0]["text"]  # type: ignore[union-attr]
            for one in made.connections[0].records] == ["say REDACTED-split-1", "REDACTED-split-2 now"]  # fmt: skip
    assert made.header.redaction == {"split": 2}


def test_other_streams_are_not_put_together() -> None:
    """Negative control: the halves stand in two items, two events, two senders; nobody can read a key in them."""
    frames = [
        delta("sk-proj-abcd", "item_1"),
        delta("efghijkl", "item_2"),
        delta("efghijkl", "item_1", "response.output_audio_transcript.delta"),
    ]
    short = [delta("sk-pro", "item_1"), delta("jabcdefgh", "item_2")]
    assert (
        scrub(cassette(*short), Redactor(), lens=OPENAI).connections[0].records
        == cassette(*short).connections[0].records
    )
    made = scrub(cassette(*frames), Redactor(), lens=OPENAI)
    assert [one.frame for one in made.connections[0].records[1:]] == frames[1:]


def test_the_second_piece_is_out_at_once_so_that_no_file_ever_holds_both() -> None:
    spread = Spread(Redactor())
    first, _ = spread.frame(0, 0, Sender.SERVER, delta("key sk-pro"))
    assert first == delta("key REDACTED-held-1"), "a part that says something about the key is in no file either"
    second, _ = spread.frame(0, 1, Sender.SERVER, delta("j-abcdefghijkl done"))
    assert second == delta("REDACTED-split-1 done")
    assert spread.given() == []
    assert spread.finished(0, 0, first) == delta("key REDACTED-split-2")
    assert spread.give_all() == []


def test_what_was_no_beginning_is_given_back_as_it_was() -> None:
    spread = Spread(Redactor(values=["correct horse battery"]))
    told: list[Frame] = []
    pieces = ("a sk-lea", "rn fan; the corre", "ct answer; see https://exam", "ple.com/x", " bye sk-pro")
    frames = [delta(piece) for piece in pieces]
    for number, frame in enumerate(frames):
        made, _ = spread.frame(0, number, Sender.SERVER, frame)
        assert (made != frame) == (number in (0, 1, 2, 4)), "it was in doubt"
        told.append(made)
        for _, place, whole in spread.given():
            told[place] = whole
    assert [place for place, (one, frame) in enumerate(zip(told, frames, strict=True)) if one != frame] == [4]
    assert spread.give_all() == [(0, 4, frames[4])]


@pytest.mark.parametrize(
    "before", ["my password is ", "the API key is ", 'setPassword("', "apiKey := `", "| API_KEY | "]
)
def test_a_value_a_little_behind_its_name_is_in_no_file_in_any_pieces(before: str) -> None:
    secret = "DxMLmCYvIFxdnIbuIH7B"
    for place in range(6, len(secret)):
        frames = [delta(before + secret[:place]), delta(secret[place:] + " ok")]
        spread = Spread(Redactor())
        first, _ = spread.frame(0, 0, Sender.SERVER, frames[0])
        assert secret[:place] not in first.data  # type: ignore[union-attr]
        text = said(scrub(cassette(*frames), Redactor(), lens=OPENAI))
        assert text.startswith(f"{before}REDACTED-")
        assert text.endswith(" ok") or '"' in before, "a quoted value goes on until its quote"


def test_what_only_follows_a_name_is_given_back() -> None:
    """The control: no word is held, and what proves to be harmless comes back."""
    spread = Spread(Redactor())
    frames = [delta("the password is "), delta("kept"), delta(" in vault-7x"), delta(" of the bank")]
    for number, frame in enumerate(frames):
        made, _ = spread.frame(0, number, Sender.SERVER, frame)
        assert made == frame
    assert spread.given() == []


def test_the_check_sees_what_is_spread() -> None:
    bad = cassette(delta("sk-proj"), delta("-abcdefgh"))
    with pytest.raises(
        SecretFound,
        match=r"connection 0, frame 1 \(server\), put together with the frames before it",
    ):
        verify(bad, Redactor(), name="x")
    verify(scrub(bad, Redactor(), lens=OPENAI), Redactor(), name="x")


def test_ordinary_speech_is_left_alone() -> None:
    words = "The desk-top risk is a task-force; we ask-ed sk- and ek_ about it. " * 20
    frames = [delta(words[n : n + 3]) for n in range(0, len(words), 3)]
    made = scrub(cassette(*frames), Redactor(values=["correct horse"]), lens=OPENAI)
    assert [one.frame for one in made.connections[0].records] == frames
    assert not made.header.redaction


PIECES = st.sampled_from(
    [
        *(KEY[a:b] for a, b in ((0, 2), (2, 3), (3, 8), (8, 20), (20, 28))),
        *(
            " and",
            "well ",
            "sk-",
            "Bearer ",
            "tulip4711meadow",
            "100%41",
            'say "',
            "\\u0041",
            "",
            "ä",
            "word_1",
        ),
        *("client_secret", "open ", "sesame now", "A" * 64, "QUJD" * 20),
    ]
)


@given(
    st.lists(
        st.tuples(
            PIECES,
            st.sampled_from(["item_1", "item_2"]),
            st.sampled_from(["response.output_text.delta", "response.output_audio.delta"]),
        ),
        max_size=12,
    ),
    st.sampled_from([(), ("open sesame now",)]),
)
def test_frames_that_are_not_read_in_full_are_written_as_those_that_are(
    said: list[tuple[str, str, str]], values: tuple[str, ...]
) -> None:
    """What is told by its outline, and what is read to the last character, find the same."""
    quick, slow = Spread(Redactor(values=values)), Spread(Redactor(values=values))
    for number, (words, item, kind) in enumerate(said):
        frame = event(
            type=kind,
            event_id=f"event_{number:04d}",
            response_id="resp_1",
            item_id=item,
            content_index=0,
            delta=words,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quiet_module, "outline", lambda text: ("", ""))
            expected = slow.frame(0, number, Sender.SERVER, frame)
        assert quick.frame(0, number, Sender.SERVER, frame) == expected
    assert quick.parts == slow.parts


def test_a_key_in_deltas_that_are_alike_is_found_though_none_of_them_is_read_in_full() -> None:
    spread = Spread(Redactor())
    for number in range(20):
        frame = delta(f"word {number} ")
        assert spread.frame(0, number, Sender.SERVER, frame) == (frame, "")
    assert spread.frame(0, 20, Sender.SERVER, delta("sk-pro"))[0] == delta("REDACTED-held-1")
    assert spread.frame(0, 21, Sender.SERVER, delta("j-abcdefghijkl done"))[0] == delta("REDACTED-split-1 done")
    assert spread.finished(0, 20, delta("sk-pro")) == delta("REDACTED-split-2")


def arguments(*pieces: str, item: str = "item_1") -> Cassette:
    kind = "response.function_call_arguments.delta"
    return cassette(*(delta(piece, item, kind) for piece in pieces))


LOGIN = json.dumps({"user": "me", "Password": 'S"u\\per "Secret', "n": [1, "two"], "token": "abc"})


@given(st.lists(st.integers(1, len(LOGIN) - 1), max_size=12, unique=True).map(sorted))
def test_a_secret_field_in_any_pieces(places: list[int]) -> None:
    pieces = [LOGIN[a:b] for a, b in zip([0, *places], [*places, len(LOGIN)], strict=True)]
    made = scrub(arguments(*pieces), Redactor(), lens=OPENAI)
    text = said(made)
    assert text.startswith('{"user": "me", "Password": "REDACTED-')
    middle = text.removeprefix('{"user": "me", "Password": "').partition('", "n": [1, "two"], "token": "')
    assert TOKEN.sub("", middle[0]) == ""
    assert middle[1]


def test_a_field_in_pieces_is_out_at_once_and_what_follows_stays() -> None:
    pieces = ['{"user": "S', 'ue", "pass', 'word": "S', "uperS", 'ecret", "note": "S', 'uper"}']
    spread = Spread(Redactor())
    made = [spread.frame(0, number, Sender.SERVER, delta(piece))[0] for number, piece in enumerate(pieces)]
    assert (
        [json.loads(one.data)["delta"] for one in made]
        == [  # type: ignore[union-attr]
            *pieces[:2],
            'word": "REDACTED-held-1',
            "REDACTED-split-1",
            'REDACTED-split-2", "note": "S',
            'uper"}',
        ]
    )


def test_headers_and_a_long_key_in_pieces() -> None:
    value = "abcdefghij" * 500
    text = json.dumps({"headers": {"X-Own": value, "Accept": "text/html"}, "n": "ok"})
    made = said(scrub(arguments(*(text[n : n + 40] for n in range(0, len(text), 40))), Redactor(), lens=OPENAI))
    assert "abcde" not in made
    assert made.endswith('", "Accept": "text/html"}, "n": "ok"}')


@pytest.mark.parametrize(
    "pieces",
    [
        ('{"max_tok', 'ens": "40', '96"}'),
        ('{"user": "', "Sue", '"}'),
        ('the "pass', 'word" is: "', 'no idea"'),
        ('{"headers": {"Acc', 'ept": "te', 'xt"}}'),
    ],
)
def test_ordinary_fields_in_pieces_stay(pieces: tuple[str, ...]) -> None:
    assert said(scrub(arguments(*pieces), Redactor(), lens=OPENAI)) == "".join(pieces)


def message(text: str, item: str, kind: str = "conversation.item.create") -> Text:
    content = [{"type": "input_text", "text": text}]
    return event(type=kind, item={"id": item, "type": "message", "role": "user", "content": content})


@pytest.mark.parametrize("sender", Sender)
@pytest.mark.parametrize(
    "pair", [("my task-sk", "-abcdefghijkl"), ("Bearer ", "tulip4711meadow"), ('"api_key": "', "x")]
)
def test_messages_are_no_pieces(pair: tuple[str, str], sender: Sender) -> None:
    """Each is a text of its own, whatever the one before it said."""
    kinds = ("conversation.item.create", "conversation.item.added", "conversation.item.done")
    frames = [
        *(message(text, f"item_{number}", kind) for number, text in enumerate(pair) for kind in kinds),
        *(event(type="user_message", text=text) for text in pair if sender is Sender.CLIENT),
        *(event(clientContent={"turns": [{"parts": [{"text": text}]}]}) for text in pair),
        *(event(realtimeInput={"text": text}) for text in pair),
        *(event(type="response.output_text.done", text=text, item_id="i") for text in pair),
        *(event(type="transcript", role="user", text=text, ordinal=n) for n, text in enumerate(pair)),
    ]
    made = scrub(cassette(*((sender, frame) for frame in frames)), Redactor(rules=["skab.*"]), lens=OPENAI)
    texts = [one.frame.data for one in made.connections[0].records]  # type: ignore[union-attr]
    assert [one for one, frame in zip(texts, frames, strict=True) if one != frame.data and "split" in one] == []


def test_pieces_that_are_called_so_are_joined() -> None:
    """The control: neither a delta nor a part has another name for its text."""
    for bodies in (
        [{"type": "agent_chat_response_part", "text_response_part": {"text": KEY[n : n + 9]}} for n in (0, 9, 18)],
        [{"type": "transcript", "role": "agent", "ordinal": 1, "text": KEY[n : n + 9]} for n in (0, 9, 18)],
        [{"type": "audio_chunk", "audio": "AAAA", "text": KEY[n : n + 9]} for n in (0, 9, 18)],
    ):
        made = scrub(cassette(*(event(**body) for body in bodies)), Redactor(), lens=OPENAI)
        texts = [one.frame.data for one in made.connections[0].records]  # type: ignore[union-attr]
        assert all("REDACTED-split-" in one for one in texts)


def test_pieces_of_text_in_binary_frames() -> None:
    """PersonaPlex: 2, then a word. The bytes of its audio (1) are no text and stay."""
    pieces = ["Well, ", "sk-", "proj-", "abcdefgh", " it is; ünï"]
    frames = [Binary(b"\x02" + piece.encode()) for piece in pieces]
    sound = Binary(b"\x01" + noise(300))
    made = scrub(cassette(*frames[:3], sound, *frames[3:]), Redactor(dialect=PERSONAPLEX), lens=PERSONAPLEX)
    got = [one.frame.data for one in made.connections[0].records]  # type: ignore[union-attr]
    assert got[3] == sound.data
    assert TOKEN.sub("*", b"".join(one[1:] for one in (*got[:3], *got[4:])).decode()) == "Well, *** it is; ünï"
    assert all(one[0] == 2 for one in (*got[:3], *got[4:]))
    whole = Redactor(dialect=PERSONAPLEX).frame(Binary(b"\x02say " + KEY.encode() + b", yes"))
    assert whole == Binary(b"\x02say REDACTED-key-1, yes")
    with pytest.raises(SecretFound):
        verify(cassette(*frames), Redactor(dialect=PERSONAPLEX), name="x")
    quiet = [Binary(b"\x02" + word) for word in (b"the ", b"task-", b"force ", b"\xff", b" said")]
    left = scrub(cassette(*quiet), Redactor(dialect=PERSONAPLEX), lens=PERSONAPLEX)
    assert [one.frame for one in left.connections[0].records] == quiet


def test_a_url_in_pieces() -> None:
    pieces = (delta("see https://host/x?tok"), delta("en=abc"), delta("def&n=1"))
    made = said(scrub(cassette(*pieces), Redactor(), lens=OPENAI))
    assert TOKEN.sub("*", made) == "see https://host/x?token=**&n=1"
    spread = Spread(Redactor())
    for number, words in enumerate((" one", " two", "https://me:pass@host/", " three")):
        frame, _ = spread.frame(0, number, Sender.SERVER, event(type="x.delta", event_id=f"e_{number}", delta=words))
        assert "pass" not in frame.data  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (("use Bearer", " abcd1234efgh", ", please"), "use Bearer ~, please"),
        (("see https://me:hunter2", "@host/x"), "see https://~@host/x"),
        (("see https://me:hun", "ter2", "@host/x", " now"), "see https://~@host/x now"),
        (('{"token": "abc', "DEF12", '345"}'), '{"token": "~"}'),
        (("API_KEY=ab", "12cd34ef", " done"), "API_KEY=~ done"),
        (
            ("-----BEGIN PRIVATE", " KEY-----\nMIIEvQIB", "ADANBgkqhkiG9w0B", "\n-----END PRIVATE KEY-----\nbye"),
            "~\nbye",
        ),
        (("ghp_", "a1B2c3D4", "e5F6g7H8i9J0k1", " x"), "~ x"),
    ],
)
def test_what_only_the_pieces_together_show(pieces: tuple[str, ...], kept: str) -> None:
    made = scrub(cassette(*map(delta, pieces)), Redactor(), lens=OPENAI)
    assert re.sub("~+", "~", TOKEN.sub("~", said(made))) == kept
    spread = Spread(Redactor())
    frames = [spread.frame(0, number, Sender.SERVER, delta(piece))[0] for number, piece in enumerate(pieces)]
    written = "".join(json.loads(frame.data)["delta"] for frame in frames if isinstance(frame, Text))
    for part in ("abcd1234", "hunter2", "hun", "DEF12", "12cd34", "MIIEvQ", "ADANBg", "e5F6g7"):
        assert part not in written, "nor is it in the unfinished file"


def test_words_with_their_probabilities() -> None:
    words = ["my", " key", " sk", "-", "proj", "-Ab1", "cD2e", "F3gh", "IJ", ", ok"]
    logprobs = [{"token": word, "logprob": -0.1, "bytes": list(word.encode())} for word in words]
    whole = event(type="conversation.item.input_audio_transcription.completed", transcript="x", logprobs=logprobs)
    frames = [
        event(type="x.delta", item_id="i", delta=word, logprobs=[one])
        for word, one in zip(words, logprobs, strict=True)
    ]
    for recorded in ([whole], frames):
        made = scrub(cassette(*recorded), Redactor(), lens=OPENAI)
        bodies = [json.loads(one.frame.data) for one in made.connections[0].records]  # type: ignore[union-attr]
        told = [one for body in bodies for one in body["logprobs"]]
        assert TOKEN.sub("~", "".join(one["token"] for one in told)) == "my key ~~~~~~~, ok"
        assert [bytes(one["bytes"]).decode() for one in told if one["bytes"] is not None] == ["my", " key", ", ok"]
