"""The plan of docs/scale.md: its figures are those that the simulation prints."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
from scale import Machines, Night, Node, Plan, Rates, nodes_of, simulate  # noqa: E402

MACHINES = Machines()


def test_every_figure_of_the_page_is_printed_by_the_command():
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    block = "\n".join(f"    {line}".rstrip() for line in printed.rstrip().splitlines())
    assert block in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("queue", [True, False])
def test_nodes_without_failures_share_equal_files_evenly(queue):
    outcome = simulate([3600.0] * 6, [Node(1.0, ())] * 3, MACHINES, queue, 0.0)
    assert (outcome.hours, outcome.retries, outcome.lost) == (2.0, 0, 0.0)


def test_a_slow_node_holds_up_its_share_or_a_file_of_a_queue():
    nodes = [Node(3.0, ()), Node(1.0, ()), Node(1.0, ())]
    dealt = simulate([360.0] * 300, nodes, MACHINES, False, 0.0)
    queue = simulate([360.0] * 300, nodes, MACHINES, True, 0.0)
    assert dealt.hours == pytest.approx(30.0)
    assert 30 / 7 * 3 <= queue.hours < 30 / 7 * 3 + 0.3


def test_a_failure_costs_the_file_under_way_or_what_the_journal_lacks():
    nodes = [Node(1.0, (1800.0,))]
    lost = simulate([3600.0], nodes, MACHINES, True, 0.0)
    kept = simulate([3600.0], nodes, MACHINES, True, 0.9)
    assert (lost.hours, lost.retries, lost.lost) == pytest.approx((1.5 + 1 / 6, 1, 0.5))
    assert (kept.hours, kept.lost) == pytest.approx((1.05 + 1 / 6, 0.05))


def test_nodes_fail_as_often_as_was_said():
    nodes = nodes_of(2000, MACHINES, random.Random(0))
    failures = sum(len(node.failures) for node in nodes)
    assert failures == pytest.approx(2000 * 100 / MACHINES.between_failures, rel=0.1)
    slow = sum(node.factor > 1 for node in nodes)
    assert slow == pytest.approx(2000 * MACHINES.slow_share, rel=0.4)


def test_a_plan_has_nodes_enough_and_not_more():
    plan = Plan(Night(10**8, hours=1.0), Rates(), MACHINES, seed=1)
    nodes = plan.nodes()
    assert plan.simulated(nodes).hours <= 1.0
    assert plan.simulated(plan.least_nodes - 1).hours > 1.0
    assert nodes >= plan.least_nodes == 2
