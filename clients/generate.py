"""`python -m clients.generate FOLDER`: the generated part of the client, from the API as it is.

What lives here: calling the generator. What it makes is not kept with the code, so that it never differs from the API.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


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


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "python"
    described = folder / "openapi.json"
    write_description(described)
    generate_python(described, folder)
