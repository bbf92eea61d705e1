"""Transformations: what an endpoint's own expression makes of an event.

What lives here: reading an expression and evaluating it, and presets. It must not know processes: evaluating is bounded
in time and memory by evaluator/, never done in a process that serves others. Source: JMESPath, jmespath.org.

The language has no loops, variables or recursion. What an expression may be long, it may still double a list or a text
with each step: the size of what comes out is bounded here, and memory on the way there outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import jmespath
import orjson
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from deliveries.errors import CannotShape, InvalidInput

LENGTH_LIMIT = 4000
RESULT_LIMIT_BYTES = 256 * 1024

FAILED = "transformation_failed"
TIMEOUT = "transformation_timeout"
TOO_LARGE = "transformation_too_large"


class _Functions(functions.Functions):
    """JMESPath's own functions, and one without which a text cannot be kept short."""

    @functions.signature({"types": []})
    def _func_to_string(self, value: object) -> str:  # as it is sent, not in escapes of ASCII
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    @functions.signature({"types": ["string"]}, {"types": ["number"]})
    def _func_truncate(self, text: str, length: float) -> str:
        return text if len(text) <= length else text[: max(0, int(length) - 1)] + "…"


OPTIONS = jmespath.Options(custom_functions=_Functions())


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A transformation for a receiver that many have."""

    name: str
    title: str
    text: str


def check_transformation(text: str) -> str:
    """Return an expression that can be read, or raise InvalidInput; an empty one is none."""
    if not text.strip():
        return ""
    if len(text) > LENGTH_LIMIT:
        raise InvalidInput(f"a transformation has at most {LENGTH_LIMIT} characters", field="transformation")
    try:
        _compiled(text)
    except RecursionError as error:
        raise InvalidInput("the transformation nests too deep", field="transformation") from error
    except (JMESPathError, ValueError) as error:
        detail = " ".join(str(error).split())[:200]
        raise InvalidInput(f"the transformation cannot be read: {detail}", field="transformation") from error
    return text


def transform(text: str, event: bytes) -> bytes:
    """Return the JSON that an expression makes of an event; raises CannotShape."""
    try:
        result: object = _compiled(text).search(orjson.loads(event), options=OPTIONS)
        if result is None:
            raise CannotShape("the transformation makes null of this event", error=FAILED)
        _refuse_large(result)
        made: bytes = orjson.dumps(result)
    except RecursionError as error:
        raise CannotShape("the transformation nests too deep", error=FAILED) from error
    except (JMESPathError, ValueError, TypeError, ArithmeticError) as error:
        raise CannotShape(" ".join(str(error).split())[:200] or type(error).__name__, error=FAILED) from error
    if len(made) > RESULT_LIMIT_BYTES:
        raise too_large()
    return made


def too_large() -> CannotShape:
    """Return the error of a result that grows beyond its bounds."""
    return CannotShape(f"the transformation makes more than {RESULT_LIMIT_BYTES} bytes", error=TOO_LARGE)


@lru_cache(maxsize=512)
def _compiled(text: str) -> ParsedResult:
    return jmespath.compile(text)


def _refuse_large(result: object) -> None:
    """Raise CannotShape before a result is written that holds the same parts again and again."""
    waiting, size = [result], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict | list):
            size += 2 * len(value)
            if size <= RESULT_LIMIT_BYTES:
                waiting.extend(value.values() if isinstance(value, dict) else value)
        size += 1
        if size > RESULT_LIMIT_BYTES:
            raise too_large()


_CARD_TYPE = "application/vnd.microsoft.card.adaptive"
_CARD = (
    "{\"$schema\": 'http://adaptivecards.io/schemas/adaptive-card.json', type: 'AdaptiveCard', version: '1.4', "
    "body: [{type: 'TextBlock', text: type, weight: 'Bolder'}, {type: 'TextBlock', wrap: `true`, text: TEXT}]}"
)


def _preset(name: str, title: str, text: str, *, characters: int) -> Preset:
    """Return a preset; TEXT stands for type and data of an event, cut to what the receiver takes."""
    shown = f"truncate(join(' ', [type, to_string(data)]), `{characters}`)"
    return Preset(name=name, title=title, text=text.replace("TEXT", shown))


_ALL_PRESETS = (
    _preset(
        "slack",
        "Slack, incoming webhook",
        "{text: type, blocks: [{type: 'section', text: {type: 'plain_text', text: TEXT}}]}",
        characters=2900,
    ),
    _preset("discord", "Discord, webhook", "{content: TEXT, allowed_mentions: {parse: `[]`}}", characters=1900),
    _preset(
        "teams",
        "Microsoft Teams, workflow",
        f"{{type: 'message', attachments: [{{contentType: '{_CARD_TYPE}', content: {_CARD}}}]}}",
        characters=5000,
    ),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL_PRESETS})
