"""A few seconds of what hostile_tenant.py does for ten minutes: who is not hostile loses nothing."""

from __future__ import annotations

from collections import Counter

from tests.faults import hostile_tenant
from tests.faults.cluster import Cluster
from tests.faults.hostile_tenant import JOB_WAIT_SECONDS, UNFINISHED, Play, figures

SECONDS = 2.0
BEGINNING = "2020-01-01"


def test_beside_a_hostile_customer_the_other_is_served(cluster: Cluster, receiver_ports: list[int]) -> None:
    """Given a customer that does whatever it likes, then the other's events arrive, and its jobs begin."""
    play = Play(cluster, good_port=receiver_ports[0], hang_port=receiver_ports[1], rate=10, threads=40)
    play.settle_seconds = 0
    orders = play.prepare()
    with play.hostilities(orders) as answers:
        cluster.eventually(lambda: is_served_and_refused(answers()), seconds=60, what="hostilities")
        felt = play.feel(SECONDS)
        which = {"customer": play.other_id, "since": BEGINNING}
        cluster.eventually(
            lambda: cluster.ask(UNFINISHED.format(**which)) == [(0,)], seconds=60, what="the other's last delivery"
        )
    assert felt.answers.keys() == {"202"}
    assert max(felt.job_starts) < JOB_WAIT_SECONDS
    assert len(list(figures(felt, felt, answers()))) == 8


def is_served_and_refused(answers: Counter[str]) -> bool:
    """Whether the hostile one got in, and beyond what it may."""
    return bool(answers["202"] and answers["409"] + answers["429"])


def test_figures_are_told_with_and_without() -> None:
    alone = hostile_tenant.Felt(accepts=[2.0] * 10, deliveries=[5.0], job_starts=[0.5])
    beside = hostile_tenant.Felt(accepts=[3.0] * 10, deliveries=[], job_starts=[1.0])
    told = {figure["figure"]: figure for figure in figures(alone, beside, beside.answers)}
    assert (told["other_accept_p95"]["value"], told["other_accept_p95"]["ratio"]) == (3.0, 1.5)
    assert told["other_redelivery_start_max"]["ratio"] == 2.0
