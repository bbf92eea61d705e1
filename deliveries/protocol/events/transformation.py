"""Transformations: what an endpoint's own expression makes of an event, and what the mappings before it make.

What lives here: reading an expression and evaluating it, and presets. It must not know processes: evaluating is bounded
in time and memory by evaluator/, never done in a process that serves others. Source: JMESPath, jmespath.org.

The language has no loops, variables or recursion. What an expression may be long, it may still double a list or a text
with each step: the size of what comes out is bounded here, and memory on the way there outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import jmespath
import orjson
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from deliveries.errors import CannotShape, InvalidInput
from deliveries.protocol.events.api_versions import MappingStep
from deliveries.protocol.writing.sentences import say

LENGTH_LIMIT = 4000
RESULT_LIMIT_BYTES = 256 * 1024
TEXT_LIMIT_BYTES = 4 * 1024 * 1024  # of a text on the way: orjson crashes where it gets no memory

FAILED = "transformation_failed"
TIMEOUT = "transformation_timeout"
TOO_LARGE = "transformation_too_large"
NOT_MADE = "version_mapping_failed"


class _Functions(functions.Functions):
    """JMESPath's own functions, one without which a text cannot be kept short, and one that leaves members out."""

    @functions.signature({"types": []})
    def _func_to_string(self, value: object) -> str:  # as it is sent, not in escapes of ASCII
        if isinstance(value, str):
            return value
        _refuse_large(value, TEXT_LIMIT_BYTES)
        return orjson.dumps(value).decode()

    @functions.signature({"types": ["string"]}, {"types": ["number"]})
    def _func_truncate(self, text: str, length: float) -> str:
        return text if len(text) <= length else text[: max(0, int(length) - 1)] + "…"

    @functions.signature({"types": ["object"]}, {"types": ["array-string"]})
    def _func_omit(self, value: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
        return {name: each for name, each in value.items() if name not in names}


OPTIONS = jmespath.Options(custom_functions=_Functions())


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A transformation for a receiver that many have."""

    name: str
    title: str
    text: str


def check_transformation(text: str, *, field: str = "transformation") -> str:
    """Return an expression that can be read, or raise InvalidInput; an empty one is none."""
    name = say("the transformation") if field == "transformation" else say("the mapping")
    if not text.strip():
        return ""
    if len(text) > LENGTH_LIMIT:
        raise InvalidInput(say("{name} has at most {limit} characters", name=name, limit=LENGTH_LIMIT), field=field)
    try:
        _compiled(text)
    except RecursionError as error:
        raise InvalidInput(say("{name} nests too deep", name=name), field=field) from error
    except (JMESPathError, ValueError) as error:
        detail = " ".join(str(error).split())[:200]
        raise InvalidInput(say("{name} cannot be read: {detail}", name=name, detail=detail), field=field) from error
    return text


def transform(text: str, event: bytes, *, steps: Sequence[MappingStep] = ()) -> bytes:
    """Return the JSON that an expression makes of an event after the mappings; raises CannotShape.

    Without an expression it is the data that the mappings make.
    """
    with _named("", NOT_MADE if steps else FAILED):
        value = orjson.loads(event)
    limit = RESULT_LIMIT_BYTES + len(event)  # of mappings: their author is the operator, and data may be large as it is
    for step in steps:
        value["data"] = _mapped(step, value["data"], limit)
    if not text:
        return _written(value["data"], limit)
    with _named("", FAILED):
        result: object = _compiled(text).search(value, options=OPTIONS)
        if result is None:
            raise CannotShape("the transformation makes null of this event", error=FAILED)
        return _written(result, RESULT_LIMIT_BYTES)


def too_large(limit: int = RESULT_LIMIT_BYTES, *, name: str = "the transformation") -> CannotShape:
    """Return the error of a result that grows beyond its bounds."""
    return CannotShape(f"{name} makes more than {limit} bytes", error=TOO_LARGE)


def _mapped(step: MappingStep, data: object, limit: int) -> object:
    name = f"the mapping from {step.words}"
    with _named(f"{name}: ", NOT_MADE):
        made: object = _compiled(step.text).search(data, options=OPTIONS)
    if not isinstance(made, dict):
        raise CannotShape(f"{name} makes no object of the data of this event", error=NOT_MADE)
    _refuse_large(made, limit, name=name)
    return made


def _written(result: object, limit: int) -> bytes:
    _refuse_large(result, limit)
    with _named("", FAILED):
        made: bytes = orjson.dumps(result)
    if len(made) > limit:
        raise too_large(limit)
    return made


@contextmanager
def _named(prefix: str, error: str) -> Iterator[None]:
    """Within it, what an expression cannot do is what an attempt ends with."""
    try:
        yield
    except RecursionError as fault:
        raise CannotShape(f"{prefix}the expression nests too deep", error=error) from fault
    except (JMESPathError, ValueError, TypeError, ArithmeticError) as fault:
        detail = " ".join(str(fault).split())[:200] or type(fault).__name__
        raise CannotShape(prefix + detail, error=error) from fault


@lru_cache(maxsize=512)
def _compiled(text: str) -> ParsedResult:
    return jmespath.compile(text)


def _refuse_large(result: object, limit: int, *, name: str = "the transformation") -> None:
    """Raise CannotShape before a result is written that holds the same parts again and again."""
    waiting, size = [result], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict | list):
            size += 2 * len(value)
            if size <= limit:
                waiting.extend(value.values() if isinstance(value, dict) else value)
        size += 1
        if size > limit:
            raise too_large(limit, name=name)


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
