"""What keeps the interpreter for long hands it over quickly, and leaves it as it was."""

from __future__ import annotations

import sys

import pytest

from deliveries.services.process.interpreter import QUICK_SECONDS, QuickHandover


def test_the_last_one_out_leaves_it_as_the_first_one_found_it() -> None:
    usual, handover, seen = sys.getswitchinterval(), QuickHandover(), []

    def fail_inside() -> None:
        with handover:
            seen.append(sys.getswitchinterval())
            raise ValueError("inside")

    with handover:
        with pytest.raises(ValueError, match="inside"):
            fail_inside()
        seen.append(sys.getswitchinterval())
    assert seen == pytest.approx([QUICK_SECONDS, QUICK_SECONDS])
    assert usual > QUICK_SECONDS
    assert sys.getswitchinterval() == usual
