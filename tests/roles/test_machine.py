"""Whatever several people do to roles one after another, the product and the rules of tests/roles/rules.py agree.

Hypothesis makes up the plays of tests/roles/play.py. In the world that each step leads to, the engine, PostgreSQL, the
inheritance of the matrix, and the API grant exactly what the rules say; the preview told of exactly that change; and
nobody has got a permission that whoever acted did not hold.

`HYPOTHESIS_PROFILE=thorough` plays many more, at random; otherwise the plays are the same in every run.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.roles.play import Play
from tests.roles.stage import build_stage

pytestmark = [pytest.mark.django_db, *(pytest.mark.requirement(f"ROLE-{number}") for number in (1, 4, 5, 6, 7, 8, 9))]

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
PLAYS = settings(
    max_examples=1000 if THOROUGH else 36,
    stateful_step_count=25,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink] if THOROUGH else [Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.requirement("ASSIGN-1")
@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.requirement("ASSIGN-3")
@pytest.mark.requirement("ASSIGN-4")
@pytest.mark.requirement("PERM-3")
@pytest.mark.requirement("PERM-4")
@pytest.mark.requirement("PDP-1")
@pytest.mark.requirement("PDP-5")
def test_rules_engine_database_and_api_agree_whatever_people_do(call: Any) -> None:
    stage = build_stage()
    reader, tally = call(stage.people["reader"]), Counter[tuple[str, bool]]()
    run_state_machine_as_test(lambda: Play(stage, reader, tally), settings=PLAYS)
    done, refused = ({verb for verb, was_done in tally if was_done is wanted} for wanted in (True, False))
    assert len(done) == 12 and done - refused <= {"accept"}, f"The plays are dull: {tally}"
