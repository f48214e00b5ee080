"""A misspelt event is told where a test asks for it; one that exists, or that nobody could mean, is not."""

from __future__ import annotations

import pytest

from mockserver.core.frames import Sender, Text
from mockserver.core.journal import Journal
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import UsageError


def journal(*texts: str, dialect: object = OPENAI) -> Journal:
    made = Journal()
    log = made.open(dialect)  # type: ignore[arg-type]
    for text in texts:
        made.write(log, 0, Sender.SERVER, Text(text))
    return made


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("response.craeted", "response.created"), ("respons.*", None), ("sesion.created", "session.created")],
)
def test_a_misspelt_name_is_told_at_the_call(asked: str, meant: str | None) -> None:
    if meant is None:
        assert list(journal().sent_by_server(asked)) == []
        return
    with pytest.raises(UsageError, match=f"did you mean '{meant}'"):
        journal().sent_by_server(asked)


def test_the_side_counts() -> None:
    with pytest.raises(UsageError, match=r"no event 'response\.created'.* did you mean 'response\.create'"):
        journal().sent_by_client("response.created")
    assert list(journal().sent_by_server("response.created")) == []


def test_what_exists_or_came_or_is_like_nothing_is_let_by() -> None:
    assert list(journal().sent_by_server("response.*")) == []
    assert list(journal().sent_by_server("my.own.thing")) == []
    assert len(list(journal('{"type": "response.craeted"}').sent_by_server("response.craeted"))) == 1
    assert list(journal(dialect=GENERIC).sent_by_server("response.craeted")) == []
    assert list(Journal().sent_by_server("response.craeted")) == []


def test_each_provider_has_its_own_names() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'serverContent\.turnComplete'"):
        journal(dialect=GEMINI).sent_by_server("serverContent.turnCompleted")
