"""Makes deliveries/static/hookpost/fonts from Unfold's fonts: `make fonts`, after an icon came into use.

What lives here: which icons the pages use, and the cut. Unfold brings 745 KB of fonts for its pages; the letters of
European languages and the icons that are used are a tenth of it. It must not know a page.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import unfold

HERE = Path(__file__).resolve().parents[2] / "deliveries"
FONTS = HERE / "static" / "hookpost" / "fonts"
ICONS = FONTS / "icons.txt"
UNFOLD = Path(unfold.__file__).parent
LETTERS = "U+0020-007E,U+00A0-024F,U+2010-2027,U+2030-205E,U+20AC,U+2190-2193,U+2212,U+2260-2265,U+2713,U+2717"
SPARE = (  # likely to come into use, so that not each new line of a menu needs another font
    *("account_circle", "admin_panel_settings", "check", "check_circle", "checklist", "code", "content_copy", "error"),
    *("flag", "group_add", "home", "info", "link", "list_alt", "lock", "mail", "manage_accounts", "move_to_inbox"),
    *("notifications", "palette", "person_add", "public", "rocket_launch", "schedule", "shield_person", "tune"),
    *("visibility_off", "warning", "webhook"),
)
IN_TEMPLATES = re.compile(r"material-symbols-outlined[^>]*>\s*([a-z_0-9]+)")
IN_CONDITIONS = re.compile(r"^\s*(question_mark|check_small|close_small)\s*$", re.MULTILINE)
IN_SCRIPTS = re.compile(r"&& '([a-z_]+_mode)'|\|\| '(computer)'")
IN_MENUS = re.compile(r"icon=\"([a-z_0-9]+)\"")


def icons_in_use() -> set[str]:
    """Return the names of all icons that Unfold's templates or ours show."""
    found: set[str] = {"settings"}
    for folder in (UNFOLD / "templates", HERE / "templates"):
        for path in folder.rglob("*.html"):
            text = path.read_text()
            for pattern in (IN_TEMPLATES, IN_CONDITIONS, IN_SCRIPTS):
                for match in pattern.finditer(text):
                    found |= {group for group in match.groups() if group}
    for path in (HERE / "admin").rglob("*.py"):
        found |= set(IN_MENUS.findall(path.read_text()))
    return found


def main() -> None:
    """Cut the fonts."""
    names = sorted({*icons_in_use(), *SPARE})
    ICONS.write_text("\n".join(names) + "\n")
    source = UNFOLD / "static" / "unfold" / "fonts"
    for weight in ("Regular", "Medium", "SemiBold", "Bold"):
        cut(source / "inter" / f"Inter-{weight}.woff2", f"--unicodes={LETTERS}", "--layout-features=kern,calt,tnum")
    letters = "".join(sorted({letter for name in names for letter in name}))
    symbols = source / "material-symbols" / "Material-Symbols-Outlined.woff2"
    glyphs = glyphs_by_name(symbols)
    cut(
        symbols,
        f"--glyphs={','.join(glyphs[name] for name in names)}",
        f"--text={letters}",
        "--layout-features=liga,rlig",
        "--no-layout-closure",
    )
    for folder, name in (("inter", "INTER"), ("material-symbols", "MATERIAL-SYMBOLS")):
        (FONTS / f"LICENSE-{name}").write_bytes((source / folder / "LICENSE").read_bytes())


def glyphs_by_name(path: Path) -> dict[str, str]:
    """Return the glyph that each icon's name is written as; some icons have several names."""
    from fontTools.ttLib import TTFont  # only whoever cuts needs it

    font = TTFont(path)
    letters = {glyph: chr(code) for code, glyph in font.getBestCmap().items() if code < 128}
    found = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for subtable in lookup.SubTable:
            for first, ligatures in getattr(getattr(subtable, "ExtSubTable", subtable), "ligatures", {}).items():
                for each in ligatures:
                    found["".join(letters.get(part, "?") for part in (first, *each.Component))] = each.LigGlyph
    return found


def cut(source: Path, *options: str) -> None:
    """Write what the options keep of a font."""
    target = FONTS / source.name
    command = [sys.executable, "-m", "fontTools.subset", str(source), f"--output-file={target}", "--flavor=woff2"]
    subprocess.run([*command, *options], check=True)


if __name__ == "__main__":
    main()
