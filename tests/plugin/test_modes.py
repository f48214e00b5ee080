"""Cassettes and the recording modes: none, once, new, all, verify."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver import MockServer
from mockserver.cassette.store import load
from mockserver.core.frames import Close, Text
from tests.plugin.conftest import Run, connection

TEST = """
import pytest
from talk import WHOLE, ask_sync

def test_talk(realtime_mock):
    assert ask_sync(realtime_mock.ws_url) == WHOLE
"""

Put = Callable[..., Path]


@pytest.fixture
def at_work(project: pytest.Pytester) -> pytest.Pytester:
    project.makepyfile(test_it=TEST)
    return project


def upstream_of(server: MockServer) -> tuple[str, str]:
    return ("--realtime-mock-upstream", server.base_url)


# --- none ---


def test_a_cassette_is_found_by_the_tests_name(at_work: pytest.Pytester, inner: Run, record_talk: Put) -> None:
    record_talk("test_it/test_talk")
    inner().assert_outcomes(passed=1)


def test_a_missing_cassette_names_the_command_that_records_it(
    at_work: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    done = inner()
    done.assert_outcomes(errors=1)
    told = "cassettes/test_it/test_talk.cassette: no such cassette; record it with: "
    command = "pytest --realtime-mock-record=once --realtime-mock-upstream=PROVIDER test_it.py::test_talk"
    done.stdout.fnmatch_lines([f"*{told}{command}"])
    # And that command does it.
    words = command.replace("PROVIDER", upstream.base_url).split()[1:]
    inner(*words).assert_outcomes(passed=1)
    inner().assert_outcomes(passed=1)


def test_a_wrong_name_proposes_the_near_one(at_work: pytest.Pytester, inner: Run, record_talk: Put) -> None:
    record_talk("test_it/test_tlak")
    done = inner()
    done.assert_outcomes(errors=1)
    told = (
        "test_talk.cassette: no such cassette; did you mean cassettes/test_it/test_tlak.cassette? Else record it with: "
    )
    done.stdout.fnmatch_lines([f"*{told}*"])


def test_none_touches_no_network(at_work: pytest.Pytester, inner: Run, upstream: MockServer) -> None:
    inner(*upstream_of(upstream)).assert_outcomes(errors=1)
    assert upstream.sessions == []


def test_parameters_classes_and_markers_have_names_of_their_own(
    project: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    project.makepyfile(
        test_names="""
        import pytest
        from talk import WHOLE, ask_sync

        @pytest.mark.parametrize("said", ["a/b", "a:b", "x" * 300])
        def test_talk(realtime_mock, said):
            assert ask_sync(realtime_mock.ws_url, instructions=said) == WHOLE

        class TestClass:
            def test_talk(self, realtime_mock):
                assert ask_sync(realtime_mock.ws_url) == WHOLE

        @pytest.mark.realtime_mock(cassette="deep/named")
        def test_named(realtime_mock):
            assert ask_sync(realtime_mock.ws_url) == WHOLE
        """
    )
    inner("--realtime-mock-record=once", *upstream_of(upstream)).assert_outcomes(passed=5)
    made = sorted(path.relative_to(project.path).as_posix() for path in project.path.rglob("*.cassette"))
    assert len(made) == 5
    assert "cassettes/deep/named.cassette" in made
    assert "cassettes/test_names/TestClass.test_talk.cassette" in made
    inner().assert_outcomes(passed=5)


def test_a_departure_fails_the_test_and_names_what_differs(
    project: pytest.Pytester, inner: Run, record_talk: Put
) -> None:
    record_talk("test_it/test_talk", connection(instructions="be brief"))
    project.makepyfile(
        test_it="""
        from talk import ask_sync

        def test_talk(realtime_mock):
            try:
                ask_sync(realtime_mock.ws_url, instructions="be long")
            except Exception:
                pass
        """
    )
    done = inner()
    done.assert_outcomes(failed=1)
    text = done.stdout.str()
    assert "be brief" in text
    assert "be long" in text
    assert "pytest --realtime-mock-record=all --realtime-mock-upstream=PROVIDER test_it.py::test_talk" in text


def test_frames_never_played_fail_a_test_unless_allowed(project: pytest.Pytester, inner: Run, record_talk: Put) -> None:
    record_talk("talks", connection())
    project.makepyfile(
        test_it="""
        import pytest
        from websockets.sync.client import connect

        def leave_early(server):
            with connect(server.ws_url) as socket:
                socket.recv()

        @pytest.mark.realtime_mock(cassette="talks")
        def test_early(realtime_mock):
            leave_early(realtime_mock)

        @pytest.mark.realtime_mock(cassette="talks", allow_unplayed=True)
        def test_allowed(realtime_mock):
            leave_early(realtime_mock)
        """
    )
    done = inner()
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(["*response.create*", "FAILED *::test_early*"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"GIF89a not a cassette at all", "not"),
    ],
)
def test_a_bad_cassette_is_one_clear_error(at_work: pytest.Pytester, inner: Run, content: bytes, told: str) -> None:
    path = at_work.path / "cassettes" / "test_it" / "test_talk.cassette"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    done = inner("--realtime-mock-record=once")
    done.assert_outcomes(errors=1)
    assert told in done.stdout.str()
    assert "Traceback" not in done.stdout.str()
    assert path.read_bytes() == content


# --- once, all ---


def test_once_records_what_is_not_there_and_keeps_what_is(
    at_work: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    path = at_work.path / "cassettes" / "test_it" / "test_talk.cassette"
    inner("--realtime-mock-record=once", *upstream_of(upstream)).assert_outcomes(passed=1)
    first = path.read_bytes()
    header = load(path).header
    assert (header.dialect, header.ended) == ("openai", "clean")
    assert "test_it.py::test_talk" in header.origin
    inner("--realtime-mock-record=once", *upstream_of(upstream)).assert_outcomes(passed=1)
    assert path.read_bytes() == first
    assert len(upstream.sessions) == 1


def test_all_records_again_and_only_a_passing_test_replaces_its_cassette(
    at_work: pytest.Pytester, inner: Run, record_talk: Put, upstream: MockServer
) -> None:
    path = record_talk("test_it/test_talk")
    old = path.read_bytes()
    at_work.makepyfile(test_it=TEST + "    assert not 'this test fails'\n")
    inner("--realtime-mock-record=all", *upstream_of(upstream)).assert_outcomes(failed=1)
    assert path.read_bytes() == old
    at_work.makepyfile(test_it=TEST)
    inner("--realtime-mock-record=all", *upstream_of(upstream)).assert_outcomes(passed=1)
    assert path.read_bytes() != old
    assert "sess_9" in str(load(path).connections[0].records[0].frame)
    assert list(path.parent.iterdir()) == [path]


def test_recording_a_test_that_never_connects_is_an_error(
    project: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    project.makepyfile(test_it="def test_talk(realtime_mock): pass")
    done = inner("--realtime-mock-record=once", *upstream_of(upstream))
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["nothing was recorded: no client connected*"])


def test_recording_without_an_upstream_says_how_to_name_it(at_work: pytest.Pytester, inner: Run) -> None:
    done = inner("--realtime-mock-record=once")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*recording needs the real service: give --realtime-mock-upstream openai*"])


def test_a_url_that_does_not_say_what_is_spoken_there_is_asked_about(
    at_work: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    done = inner("--realtime-mock-record=once", "--realtime-mock-upstream", upstream.url)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        ["*the URL does not say what is spoken there: give --realtime-mock-dialect azure_voice_live*"]
    )
    told = ("--realtime-mock-dialect", "openai")  # the control: told what it is, it is recorded
    inner("--realtime-mock-record=once", *upstream_of(upstream), *told).assert_outcomes(passed=1)


def test_a_wrong_mode_in_the_ini_file_is_an_error(at_work: pytest.Pytester, inner: Run) -> None:
    at_work.makeini("[pytest]\nrealtime_mock_record = sometimes\n")
    done = inner()
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*expected one of none, once, new, all, verify, got 'sometimes'*"])


def test_ini_settings_and_marker_name_the_upstream(at_work: pytest.Pytester, inner: Run, upstream: MockServer) -> None:
    at_work.makeini(f"[pytest]\nrealtime_mock_record = once\nrealtime_mock_upstream = {upstream.base_url}\n")
    inner().assert_outcomes(passed=1)
    assert len(upstream.sessions) == 1


def test_the_named_key_reaches_the_upstream_and_no_file(
    at_work: pytest.Pytester, inner: Run, upstream: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "a-real-secret-4711")
    options = (
        "--realtime-mock-record=all",
        "--realtime-mock-key-env=MY_KEY",
        *upstream_of(upstream),
    )
    inner(*options).assert_outcomes(passed=1)
    handshake = upstream.journal.sessions[0].handshake
    assert handshake is not None
    assert handshake.header("authorization") == "Bearer a-real-secret-4711"
    for path in at_work.path.rglob("*"):
        assert path.is_dir() or b"4711" not in path.read_bytes()


# --- new ---

TWICE = """
from talk import WHOLE, ask_sync

def test_talk(realtime_mock):
    assert ask_sync(realtime_mock.ws_url) == WHOLE
    assert ask_sync(realtime_mock.ws_url, instructions="again") == WHOLE
"""


def test_new_adds_the_connections_that_a_cassette_does_not_hold(
    project: pytest.Pytester, inner: Run, record_talk: Put, upstream: MockServer
) -> None:
    path = record_talk("test_it/test_talk")
    project.makepyfile(test_it=TWICE)
    inner("--realtime-mock-record=once", *upstream_of(upstream)).assert_outcomes(failed=1)  # the control
    inner("--realtime-mock-record=new", *upstream_of(upstream)).assert_outcomes(passed=1)
    assert len(upstream.sessions) == 1
    first, second = load(path).connections
    assert "sess_1" in str(first.records[0].frame)
    assert "sess_9" in str(second.records[0].frame)
    assert list(path.parent.iterdir()) == [path]
    inner().assert_outcomes(passed=1)


def test_new_leaves_a_whole_cassette_as_it_is(
    at_work: pytest.Pytester, inner: Run, record_talk: Put, upstream: MockServer
) -> None:
    path = record_talk("test_it/test_talk")
    old = path.read_bytes()
    inner("--realtime-mock-record=new", *upstream_of(upstream)).assert_outcomes(passed=1)
    assert (path.read_bytes(), len(upstream.sessions)) == (old, 0)


# --- verify ---


def test_verify_passes_where_the_shape_is_the_same(
    at_work: pytest.Pytester, inner: Run, record_talk: Put, upstream: MockServer
) -> None:
    path = record_talk("test_it/test_talk")
    old = path.read_bytes()
    inner("--realtime-mock-record=verify", *upstream_of(upstream)).assert_outcomes(passed=1)
    assert (path.read_bytes(), len(upstream.sessions)) == (old, 1)


def test_verify_reports_drift(project: pytest.Pytester, inner: Run, record_talk: Put, upstream: MockServer) -> None:
    """The upstream gives its reply a field more where instructions are given: the recording has none."""
    record_talk("test_it/test_talk", connection(instructions="x"))
    project.makepyfile(test_it=TEST.replace("realtime_mock.ws_url)", "realtime_mock.ws_url, instructions='x')"))
    inner().assert_outcomes(passed=1)  # the control: replay alone is content
    done = inner("--realtime-mock-record=verify", *upstream_of(upstream))
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(
        [
            "*the real service has drifted from the recording of 2026-01-02*",
            "*field added: response.done: response.said (is string)*",
        ]
    )


# --- the project's settings ---

SAYS = TEST.replace("realtime_mock.ws_url)", "realtime_mock.ws_url, instructions='call 555-0199')")


def test_the_projects_match_rules_hold(project: pytest.Pytester, inner: Run, record_talk: Put) -> None:
    record_talk("test_it/test_talk", connection(instructions="another number"))
    project.makepyfile(test_it=SAYS)
    inner().assert_outcomes(failed=1)  # the control
    project.makepyprojecttoml('[tool.mockserver.rules]\nvolatile = ["response.instructions"]\n')
    inner().assert_outcomes(passed=1)


def test_what_the_project_redacts_is_in_no_cassette_and_still_matches(
    project: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    project.makepyfile(test_it=SAYS)
    (project.path / "mockserver.toml").write_text("redact = ['555-[0-9]+']\n", encoding="utf-8")
    inner("--realtime-mock-record=once", *upstream_of(upstream)).assert_outcomes(passed=1)
    (path,) = project.path.rglob("*.cassette")
    assert b"555-0199" not in path.read_bytes()
    assert b"call" in path.read_bytes()
    inner().assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", ["once", "new", "all"])
def test_a_faulted_test_records_what_the_service_said(
    project: pytest.Pytester, inner: Run, upstream: MockServer, mode: str
) -> None:
    fault = "close 1001 on response.created"
    project.makepyfile(
        test_it=f"""
        import pytest
        from talk import WHOLE, ask_sync

        @pytest.mark.realtime_mock(cassette="weather", faults=["{fault}"])
        def test_broken_off(realtime_mock):
            assert ask_sync(realtime_mock.ws_url) == WHOLE[:2]

        @pytest.mark.realtime_mock(cassette="weather", allow_unplayed=True)
        def test_whole(realtime_mock):
            assert ask_sync(realtime_mock.ws_url) == WHOLE
        """
    )
    made = project.path / "cassettes" / "weather.cassette"
    record = (f"--realtime-mock-record={mode}", *upstream_of(upstream), "test_it.py::test_broken_off")
    inner(*record).assert_outcomes(passed=1)
    [line] = load(made).connections
    assert [str(one.frame.data).split('"')[3] for one in line.records if isinstance(one.frame, Text)] == [
        "session.created", "response.create", "response.created", "response.done"
    ]  # fmt: skip
    assert not any(isinstance(one.frame, Close) for one in line.records)
    assert load(made).header.faults == (fault,)
    inner().assert_outcomes(passed=2)


def test_names_that_differ_by_case_only_stay_apart_on_every_disk(
    project: pytest.Pytester, inner: Run, record_talk: Put, upstream: MockServer
) -> None:
    project.makepyfile(
        test_names="""
        import pytest
        from talk import WHOLE, ask_sync

        @pytest.mark.parametrize("said", ["a", "A", "stra\\u00dfe", "strasse"])
        def test_p(realtime_mock, said):
            assert ask_sync(realtime_mock.ws_url, instructions=said) == WHOLE

        class TestIt:
            def test_talk(self, realtime_mock):
                assert ask_sync(realtime_mock.ws_url) == WHOLE

        class Testit(TestIt):
            pass
        """
    )
    inner("--realtime-mock-record=once", *upstream_of(upstream)).assert_outcomes(passed=6)
    made = [path.name for path in (project.path / "cassettes" / "test_names").iterdir()]
    assert len({name.casefold() for name in made}) == len(made) == 6
    assert "test_p[a].cassette" in made
    inner().assert_outcomes(passed=6)


def test_a_cassette_that_stands_under_its_plain_name_is_still_found(
    project: pytest.Pytester, inner: Run, record_talk: Put
) -> None:
    record_talk("test_names/test_p[A]")
    project.makepyfile(
        test_names="""
        import pytest
        from talk import WHOLE, ask_sync

        @pytest.mark.parametrize("said", ["A"])
        def test_p(realtime_mock, said):
            assert ask_sync(realtime_mock.ws_url) == WHOLE
        """
    )
    inner().assert_outcomes(passed=1)
