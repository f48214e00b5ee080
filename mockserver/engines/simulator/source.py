"""``simulator("openai")``: what a user makes and hands to the server. One engine per connection."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Unpack

from mockserver.core.typed import Name, checked
from mockserver.dialects.registry import FAMILIAR, dialect_named, meant
from mockserver.engines.simulator.common import SimulatorSource
from mockserver.engines.simulator.options import Pace, PaceName, misbehaviours, pace_of
from mockserver.engines.simulator.providers import provider_named
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.engines.simulator.any_settings import AnySettings
else:  # those of all; what else is given is checked by the provider's own Options, the only ones that are loaded
    from mockserver.engines.simulator.options import Settings as AnySettings


@checked("simulator")
def simulator(
    provider: str = FAMILIAR.name,
    *,
    replier: Replier | None = None,
    model: Name | None = None,
    pace: PaceName | Pace = "natural",
    misbehave: str | Collection[str] = (),
    require_key: bool | Name | Collection[Name] = True,
    **settings: Unpack[AnySettings],
) -> SimulatorSource[Any]:
    """A simulated provider. UsageError where an argument or a setting is wrong.

    ``replier``: what the model says (default ``Recall()``). ``model``: where the client names none.
    ``pace``: "natural" (faster than real time, but not at once), "realtime", "instant" or a ``Pace``.
    ``misbehave``: names of the provider's switches. ``require_key``: True takes any key but none at all, False
    asks for none, else the keys that are good. ``settings``: the other fields of the provider's ``Options``.
    """
    found = provider_named(provider)
    known = {field.name for field in fields(found.options)}
    unknown = sorted(set(settings) - known)
    if unknown:
        expected = f"expected one of {', '.join(sorted(known))}{meant(unknown[0], known)}"
        raise UsageError(f"simulator: unknown setting {unknown[0]!r}: {expected}")
    given: dict[str, Any] = dict(settings)
    keys: bool | frozenset[str]
    if isinstance(require_key, bool):
        keys = require_key
    else:
        keys = frozenset([require_key] if isinstance(require_key, str) else require_key)
    options = found.options(
        model=model,
        pace=pace_of(pace),
        misbehave=misbehaviours(misbehave, found.options.SWITCHES),
        require_key=keys,
        **given,
    )
    source = found.source(dialect_named(provider), options, replier or Recall())
    if model is not None and not source.knows(model):
        raise UsageError(f"simulator: model={model!r}: {provider} has none of that name; models=[{model!r}] makes one")
    source.check()
    return source
