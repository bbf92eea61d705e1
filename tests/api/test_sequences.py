"""schemathesis over operations one after the other: what one answers with, the next is asked for.

What lives here: a state machine over the links that the description implies. What a sequence stored is gone
before the next begins.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.api.conftest import Caller
from tests.api.test_contract import CHECKS, described, real

SEQUENCES, STEPS = 12, 12

__all__ = ["described", "real"]  # fixtures


def machine_of(schema: Any, caller: Caller, seen: Counter[int]) -> type[Any]:
    """The state machine of a description, whose calls carry this caller's key."""
    base: Any = schema.as_state_machine()

    class Machine(base):
        def setup(self) -> None:
            super().setup()
            self.sequence = transaction.atomic()
            self.sequence.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.sequence.__exit__(None, None, None)
            super().teardown()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {caller.key}"}}

        def validate_response(self, response: Any, case: Any, **options: Any) -> None:
            seen[response.status_code] += 1
            assert response.status_code < 500, response.text
            case.validate_response(response, checks=CHECKS)

    return Machine


# The notifier's thread uses random numbers while hypothesis watches for them.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
def test_no_sequence_of_operations_leaves_the_description(
    described: Any,
    ops: Caller,
) -> None:
    seen = Counter[int]()
    chosen = settings(
        max_examples=SEQUENCES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine_of(described, ops, seen), settings=chosen)
    assert seen.total() > SEQUENCES
    assert {200, 201} & seen.keys()
