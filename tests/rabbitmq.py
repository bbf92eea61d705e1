"""The tests that meet a broker, against RabbitMQ: `make test-rabbitmq`, or `python -m tests.rabbitmq`.

Needs Debian's package (`apt-get install rabbitmq-server`), whose own service need not run: a server of ours is
started as a plain process in a temporary folder, on free ports of 127.0.0.1, and ended afterwards. Tests that
harm the broker start one more, which they may harm. With BROKER_URL=amqp://… any `pytest` run uses RabbitMQ too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.brokers import Rabbit

PARTS = ("tests/config/test_broker.py", "tests/engine", "tests/faults")


def main() -> int:
    """Run pytest; its arguments may be replaced by ours. Returns its exit code."""
    with tempfile.TemporaryDirectory(prefix="hookpost-rabbitmq-") as folder:
        rabbit = Rabbit(Path(folder))
        try:
            rabbit.start()
            command = [sys.executable, "-m", "pytest", *(sys.argv[1:] or PARTS)]
            return subprocess.run(command, env=os.environ | {"BROKER_URL": rabbit.url}, check=False).returncode
        finally:
            rabbit.stop()


if __name__ == "__main__":
    sys.exit(main())
