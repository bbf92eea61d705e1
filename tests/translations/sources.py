"""The messages that stand in code, templates and scripts.

What lives here: finding them. Python is read as a syntax tree, templates are parsed by Django's own engine, so that a
message is exactly what the page asks the catalog for. It must not know a language.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.apps import apps
from django.template import engines
from django.template.base import FilterExpression, Node, NodeList, Template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils.functional import Promise
from django.utils.translation import override

from deliveries.admin.parts.rendering import our_engine

HERE = Path(__file__).resolve().parents[2] / "deliveries"
ONE = {"gettext", "gettext_lazy", "gettext_noop", "_", "say", "tell", "_wrong", "wrong_signing"}
OURS_ALONE = {"say", "_wrong", "wrong_signing"}  # others call something else so
IN_CONTEXT = {"pgettext", "pgettext_lazy"}
TWO = {"ngettext", "ngettext_lazy", "say_number", "tell_number"}
IN_SCRIPT = re.compile(r"""hpSay\(\s*(["'`])(.*?)(?<!\\)\1""")


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """What a catalog is asked for."""

    text: str
    plural: str = ""
    context: str = ""


@lru_cache(maxsize=1)
def messages() -> dict[Message, tuple[str, ...]]:
    """Return all messages, each with the files that it stands in."""
    found: dict[Message, set[str]] = {}
    for path in sorted(HERE.rglob("*")):
        for message in _in_file(path):
            found.setdefault(message, set()).add(str(path.relative_to(HERE.parent)))
    return {message: tuple(sorted(places)) for message, places in sorted(found.items())}


def _in_file(path: Path) -> Iterator[Message]:
    if path.suffix == ".py" and "migrations" not in path.parts:
        yield from in_python(path.read_text())
    elif path.suffix == ".html":
        yield from in_template(path.read_text())
    elif path.suffix == ".js":
        yield from in_script(path.read_text())


def unfold_texts() -> set[str]:
    """Return the messages of Unfold's templates, which has no catalogs of its own."""
    folder = Path(apps.get_app_config("unfold").path) / "templates"
    paths = [path for path in folder.rglob("*.html") if "unfold_crispy" not in path.parts]  # of a package not in use
    return {message.text for path in paths for message in in_template(path.read_text())}


def in_python(source: str) -> Iterator[Message]:
    """Return the messages of a module."""
    says = "deliveries.protocol.writing.sentences" in source  # others call something else so
    for node in ast.walk(ast.parse(source)):
        name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in IN_CONTEXT:
            context, text = (ast.literal_eval(each) for each in node.args)
            yield Message(text, context=context)
        if isinstance(node, ast.Call) and (name in ONE or name in TWO) and (says or name not in OURS_ALONE):
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            yield from (Message(*texts[:number]) for number in (1 + (name in TWO),) if len(texts) >= number)


def in_script(source: str) -> Iterator[Message]:
    """Return the messages of a script: `hpSay("…")`."""
    for match in IN_SCRIPT.finditer(source):
        yield Message(match[2].replace('\\"', '"'))


def in_template(source: str) -> Iterator[Message]:
    """Return the messages of a template, as its tags ask for them."""
    template = Template(source, engine=our_engine().engine)
    yield from _in_part(template.nodelist, set())


def _in_part(part: object, seen: set[int]) -> Iterator[Message]:
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, TranslateNode):
        yield from _of_tag(part)
    elif isinstance(part, BlockTranslateNode):
        yield _of_block(part)
    elif isinstance(part, Promise):  # `_("…")`, which is looked up when the page is made
        with override("en"):
            yield Message(str(part))
        return
    for each in _inside(part):
        yield from _in_part(each, seen)


def _inside(part: object) -> Iterator[object]:
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list | tuple | NodeList):
        yield from part
    elif isinstance(part, FilterExpression):
        yield part.var
        for _, arguments in part.filters:
            yield from (argument for _, argument in arguments)
    elif isinstance(part, Node) or type(part).__name__ in ("TemplateLiteral", "Operator", "Literal"):
        yield from (value for name, value in vars(part).items() if name not in ("origin", "token", "parent"))
    elif hasattr(part, "first") and hasattr(part, "second"):
        yield from (part.first, part.second)


def _of_tag(node: TranslateNode) -> Iterator[Message]:
    text = getattr(node.filter_expression.var, "literal", node.filter_expression.var)
    if isinstance(text, str):
        yield Message(text)


def _of_block(node: BlockTranslateNode) -> Message:
    singular, _ = node.render_token_list(node.singular)
    plural = node.render_token_list(node.plural)[0] if node.plural else ""
    return Message(_trimmed(singular, node), _trimmed(plural, node))


def _trimmed(text: str, node: BlockTranslateNode) -> str:
    return text.strip() if node.trimmed else text


assert engines  # Django is set up before templates are read
