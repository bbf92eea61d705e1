"""What the prose promises exists: programs are quoted as they are tested, links lead somewhere, commands are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from deliveries.protocol.answers.advice import ERRORS, STATUSES, Advice
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.signing.profiles import PROFILES

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted([CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *(CHECKOUT / "docs").rglob("*.md")])
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])
QUOTED = re.compile(r"<!-- (tests/\S+) -->\n```\w+\n(.*?)```", re.DOTALL)


def test_the_receivers_guide_quotes_the_programs_that_the_tests_deliver_to() -> None:
    quoted = QUOTED.findall((CHECKOUT / "docs/receivers.md").read_text())
    assert len(quoted) == 6
    for path, program in quoted:
        assert program == (CHECKOUT / path).read_text(), f"copy {path} into docs/receivers.md"


@EACH_PAGE
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def anchor_of(heading: str) -> str:
    """What a heading is called in a link, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")


@EACH_PAGE
def test_links_to_a_section_lead_to_a_heading(page: Path) -> None:
    missing = []
    for named, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text()):
        text = (page.parent / named if named else page).read_text()
        headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
        if anchor not in map(anchor_of, headings):
            missing.append(f"{named}#{anchor}")
    assert missing == []


def test_the_operators_page_begins_with_a_way_to_each_of_its_sections() -> None:
    page = (CHECKOUT / "docs/operations.md").read_text()
    first, _, rest = page.partition("\n## ")
    assert re.findall(r"\]\(#([^)]+)\)", first) == [
        anchor_of(each) for each in re.findall(r"^## (.+)$", f"## {rest}", re.MULTILINE)
    ]


@EACH_PAGE
def test_files_named_on_a_page_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md" or page.parent.name == "adr":  # of their time
        return
    named = re.findall(
        r"`((?:deliveries|config|tests|docs|bench)/[\w/.-]+\.(?:py|sql|md|html))(?:::[^`]*)?`", page.read_text()
    )
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


@EACH_PAGE
def test_commands_named_on_a_page_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", text)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


def test_the_guide_names_every_signing_profile() -> None:
    guide = (CHECKOUT / "docs/receivers.md").read_text()
    assert [name for name in PROFILES if name != "standard" and f"`{name}`" not in guide] == []


def test_the_operators_page_names_every_error_of_an_attempt() -> None:
    page = (CHECKOUT / "docs/operations.md").read_text()
    assert [error for error in EXPLANATIONS if f"`{error}`" not in page] == []


def test_the_operators_page_says_of_errors_what_pages_and_api_say() -> None:
    page = (CHECKOUT / "docs/operations.md").read_text().splitlines()
    cdn = STATUSES[520]
    rows = [f"| `{error}` | {each.says} | {each.do} |" for error, each in ERRORS.items()]
    rows += [f"| {status} | {cause_of(each)} | {each.do} |" for status, each in STATUSES.items() if each is not cdn]
    rows += [f"| 520 to 526 | {cause_of(cdn)} | {cdn.do} |"]
    assert [row for row in rows if row not in page] == []


def cause_of(advice: Advice) -> str:
    """What an advice says, behind the status."""
    return advice.says.partition(": " if "{" in advice.says else ", ")[2]


def test_the_page_on_embedding_names_every_check_of_the_project() -> None:
    page, source = ((CHECKOUT / name).read_text() for name in ("docs/embedding.md", "deliveries/embedding.py"))
    assert set(re.findall(r"hookpost\.[EW]\d{3}", page)) == set(re.findall(r"hookpost\.[EW]\d{3}", source))
