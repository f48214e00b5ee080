"""Every message of the service is checked against google-genai's own types: nothing unknown, every value of its kind.

The package's models forbid unknown fields, but its client first takes the known keys out of a message; so keys at the
top are looked at here.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from mockserver.engines.simulator.gemini.proto import camel


def faults(body: dict[str, Any]) -> list[str]:
    """What is wrong with a message; nothing where it is as the types say."""
    # The package takes a second to import, so who collects the tests does not.
    from google.genai import _live_converters, types

    known = {camel(name) for name in types.LiveServerMessage.model_fields}
    wrong = [f"{key}: unknown" for key in body if key not in known]
    read = _live_converters._LiveServerMessage_from_mldev(body)
    try:
        types.LiveServerMessage.model_validate(read)
    except ValidationError as error:
        wrong += [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return wrong
