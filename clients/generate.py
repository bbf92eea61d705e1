"""`python -m clients.generate`: the generated parts of the clients, from the API as it is.

What lives here: calling the generators. What is made for Python is not kept with the code, so it never differs from
the API; what is made for TypeScript is kept, with the hash of the description that it was made of.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TYPESCRIPT = HERE / "typescript"
SHAPES = TYPESCRIPT / "src" / "schema.ts"
OPENAPI_TYPESCRIPT = TYPESCRIPT / "node_modules" / ".bin" / "openapi-typescript"


def write_description(path: Path) -> None:
    """Write the description of the API without the webhooks of any installation."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from deliveries.api.openapi import description

    path.write_text(json.dumps(description()))


def generate_python(described: Path, folder: Path) -> None:
    """Write the package `generated` into the folder of the Python client."""
    tool = Path(sys.executable).with_name("openapi-python-client")
    target = folder / "hookpost_client" / "generated"
    options = ("--meta", "none", "--overwrite", "--fail-on-warning", "--config", str(HERE / "python" / "generator.yml"))
    subprocess.run(
        [tool, "generate", "--path", described, "--output-path", target, *options],
        check=True,
        env=os.environ | {"PATH": f"{tool.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
    )


def shapes_of(description: object) -> object:
    """Return the description without its examples, which no shape depends on."""
    if isinstance(description, list):
        return [shapes_of(each) for each in description]
    if not isinstance(description, dict):
        return description
    return {
        name: {key: shapes_of(each) for key, each in below.items()} if name == "properties" else shapes_of(below)
        for name, below in description.items()
        if name not in ("example", "examples")
    }


def mark_of(description: object) -> str:
    """Return the line at the head of shapes that were made of this description."""
    text = json.dumps(shapes_of(description), sort_keys=True)
    return f"// Made by `make clients` from the description of the API, {hashlib.sha256(text.encode()).hexdigest()}.\n"


def generate_typescript(described: Path, target: Path = SHAPES) -> None:
    """Write the shapes of the TypeScript client."""
    description = json.loads(described.read_text())
    described.write_text(json.dumps(shapes_of(description), sort_keys=True))
    subprocess.run([OPENAPI_TYPESCRIPT, described, "--output", target], check=True, stdout=subprocess.DEVNULL)
    target.write_text(mark_of(description) + target.read_text())


def fetch_typescript_tools() -> bool:
    """Install what package.json names, where npm is there; says whether the generator is."""
    if not OPENAPI_TYPESCRIPT.exists() and shutil.which("npm"):
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=TYPESCRIPT, check=True)
    return OPENAPI_TYPESCRIPT.exists()


def generate_all() -> None:
    """Write both generated parts; the one for TypeScript needs Node."""
    described = HERE / "python" / "openapi.json"
    write_description(described)
    generate_python(described, HERE / "python")
    if fetch_typescript_tools():
        generate_typescript(described)
    else:
        print("clients/typescript stays as it is: its generator needs Node 20 and npm")


if __name__ == "__main__":
    generate_all()
