"""A plan to internet scale: what nights of 10^7, 10^9 and 10^11 rows take, by measured rates.

Nights are simulated: files wait in a queue, nodes take one after another; some nodes are slow,
some fail, which costs the file under way or, with a journal that outlives the node, a chunk of it.
The number of nodes is the least with which every simulated night ends in time; beside the queue
stand the same nodes with the files dealt out beforehand. The same seed prints the same figures,
which are those of docs/scale.md. Rates and prices are options.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

HOUR = 3600.0
NIGHTS = (10**7, 10**9, 10**11)  # rows
SCORES = 8  # bytes of a row's two scores
JOURNAL = 0.99  # of a file's scores that a journal keeps


@dataclass(frozen=True)
class Rates:
    """What was measured (rows of 267 tokens, `benchmarks/engines.py`, `benchmarks/run.py`)."""

    core: float = 1_500.0  # rows/s of a core, 8-bit products with numba
    front_end: float = 20_000.0  # rows/s of one run that reads, encodes and writes
    row_bytes: float = 1_317.0  # read, and written with the scores


@dataclass(frozen=True)
class Machines:
    """What is assumed of machines that are rented."""

    cores: int = 16  # of a node
    core_hour: float = 0.04  # dollars
    gpu_hour: float = 2.50  # dollars, of a node with a GPU
    slow_share: float = 0.02  # of the nodes: a neighbour, a bad disk
    slowness: float = 3.0  # times as long
    noise: float = 0.1  # of a file's time, standard deviation of its logarithm
    between_failures: float = 500.0  # hours of a node
    restart: float = 600.0  # seconds until another node is there


@dataclass(frozen=True)
class Night:
    """Files that have to be scored by the morning."""

    rows: int
    file_rows: int = 1_000_000
    hours: float = 8.0
    nights: int = 5  # that are simulated

    @property
    def files(self) -> int:
        """How many files they are."""
        return math.ceil(self.rows / self.file_rows)


@dataclass(frozen=True)
class Outcome:
    """What a simulated night took."""

    hours: float
    retries: int  # files that were begun again
    lost: float  # node hours whose work was lost


@dataclass(frozen=True)
class Node:
    """A node of one night: how slow it is, and when it fails."""

    factor: float
    failures: tuple[float, ...]  # seconds from the start


def nodes_of(count: int, machines: Machines, rng: random.Random) -> list[Node]:
    """Draw a night's nodes."""
    return [
        Node(
            machines.slowness if rng.random() < machines.slow_share else 1.0,
            tuple(_failures(machines, rng)),
        )
        for _ in range(count)
    ]


def _failures(machines: Machines, rng: random.Random) -> Iterator[float]:
    at = rng.expovariate(1 / (machines.between_failures * HOUR))
    while at < 100 * HOUR:
        yield at
        at += rng.expovariate(1 / (machines.between_failures * HOUR))


class Worker:
    """A node that scores files, one after another; it knows what its failures cost."""

    def __init__(self, node: Node, machines: Machines, kept: float) -> None:
        self._node, self._restart, self._kept = node, machines.restart, kept
        self._failures = list(node.failures)
        self.now, self.retries, self.lost = 0.0, 0, 0.0

    def score(self, seconds: float) -> None:
        """Score a file that takes so long on a node as it should be."""
        left = seconds * self._node.factor
        while self._failures and self._failures[0] < self.now + left:
            failure = self._failures.pop(0)
            done = max(0.0, failure - self.now)
            saved = done * self._kept
            left -= saved
            self.lost += done - saved
            self.retries += 1
            self.now = max(self.now, failure) + self._restart
        self.now += left


def simulate(
    files: Sequence[float], nodes: Sequence[Node], machines: Machines, queue: bool, kept: float
) -> Outcome:
    """Score files, each of so many seconds, from a queue or dealt out beforehand."""
    workers = [Worker(node, machines, kept) for node in nodes]
    waiting = [(0.0, at) for at in range(len(workers))]
    for number, seconds in enumerate(files):
        at = heapq.heappop(waiting)[1] if queue else number % len(workers)
        workers[at].score(seconds)
        if queue:
            heapq.heappush(waiting, (workers[at].now, at))
    lost = sum(worker.lost for worker in workers) / HOUR
    end = max(worker.now for worker in workers) / HOUR
    return Outcome(end, sum(worker.retries for worker in workers), lost)


@dataclass(frozen=True)
class Plan:
    """A night with its rates and machines."""

    night: Night
    rates: Rates
    machines: Machines
    seed: int

    @property
    def node_rate(self) -> float:
        """Rows/s of a node: its cores, or what one run can read and encode."""
        return min(self.machines.cores * self.rates.core, self.rates.front_end)

    @property
    def least_nodes(self) -> int:
        """Nodes that never wait, fail or slow down."""
        return math.ceil(self.night.rows / (self.node_rate * self.night.hours * HOUR))

    def simulated(self, nodes: int, queue: bool = True, kept: float = 0.0) -> Outcome:
        """Return the worst of several nights with so many nodes (hours), and their mean losses."""
        found = []
        for night in range(self.night.nights):
            rng = random.Random(f"{self.seed} {night}")
            seconds = self.night.file_rows / self.node_rate
            files = [
                seconds * math.exp(rng.gauss(0, self.machines.noise))
                for _ in range(self.night.files)
            ]
            drawn = nodes_of(nodes, self.machines, rng)
            found.append(simulate(files, drawn, self.machines, queue, kept))
        mean = sum(outcome.lost for outcome in found) / len(found)
        retries = sum(outcome.retries for outcome in found) / len(found)
        return Outcome(max(outcome.hours for outcome in found), round(retries), mean)

    def nodes(self) -> int:
        """Return the least nodes, in steps of 2%, with which every simulated night ends in time."""
        count = self.least_nodes
        while self.simulated(count).hours > self.night.hours:
            count += max(1, count // 50)
        return count


def lines(plan: Plan) -> Iterator[str]:
    """Yield what a night takes."""
    night, rates, machines = plan.night, plan.rates, plan.machines
    nodes = plan.nodes()
    queue, dealt = plan.simulated(nodes), plan.simulated(nodes, queue=False)
    kept = plan.simulated(nodes, kept=JOURNAL)
    dollars = nodes * machines.cores * queue.hours * machines.core_hour
    narrow = night.rows * (rates.row_bytes + 3 * SCORES) / 1e12
    traffic = night.rows * (2 * rates.row_bytes + SCORES)
    flow = traffic / (night.hours * HOUR) / 1e6
    yield f"10^{math.log10(night.rows):.0f} rows, {night.files:,} files of {night.file_rows:,}"
    yield line("one core", night.rows / rates.core / HOUR, "h")
    yield line("one run's front end", night.rows / rates.front_end / HOUR, "h")
    spare = nodes / plan.least_nodes - 1
    yield line("nodes", nodes, "", f"of {machines.cores} cores; {spare:.0%} beyond the least")
    yield line(f"worst of {night.nights} nights", queue.hours, "h", f"dealt out: {dealt.hours:.1f}")
    note = f"node hours lost: {queue.lost:.2f}, with a journal that stays: {kept.lost:.2f}"
    yield line("files begun again", queue.retries, "", note)
    yield line("money", dollars, "$", f"a year: {365 * dollars:,.0f}")
    yield line("read and written", traffic / 1e12, "TB", f"{flow:,.0f} MB/s, all night")
    yield line("id and scores alone written", narrow, "TB")


def line(name: str, value: float, unit: str, note: str = "") -> str:
    """Return a figure as it is printed."""
    digits = {"": 0, "h": 1}.get(unit, 2)
    shown = f"{value:,.{digits}f}"
    return f"  {name:28}{shown:>10} {unit:4}{note}".rstrip()


def break_even(rates: Rates, machines: Machines) -> str:
    """Return from which rate a GPU pays, of which no rate was measured."""
    rate = machines.gpu_hour / machines.core_hour * rates.core
    cores = math.ceil(rate / rates.front_end)
    return (
        f"a GPU at {machines.gpu_hour:.2f} $/h pays from {rate:,.0f} rows/s, "
        f"which {cores} cores have to encode"
    )


@click.command()
@click.option("--core", default=Rates.core, show_default=True, help="Rows/s of a core.")
@click.option("--front-end", default=Rates.front_end, show_default=True, help="Rows/s of a run.")
@click.option("--row-bytes", default=Rates.row_bytes, show_default=True)
@click.option("--core-hour", default=Machines.core_hour, show_default=True, help="Dollars.")
@click.option("--gpu-hour", default=Machines.gpu_hour, show_default=True, help="Dollars.")
@click.option("--hours", default=Night.hours, show_default=True, help="Of a night.")
@click.option("--between-failures", default=Machines.between_failures, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(
    core: float,
    front_end: float,
    row_bytes: float,
    core_hour: float,
    gpu_hour: float,
    hours: float,
    between_failures: float,
    seed: int,
) -> None:
    """Print what nights of 10^7, 10^9 and 10^11 rows take."""
    rates = Rates(core, front_end, row_bytes)
    machines = Machines(core_hour=core_hour, gpu_hour=gpu_hour, between_failures=between_failures)
    for rows in NIGHTS:
        plan = Plan(Night(rows, hours=hours), rates, machines, seed)
        click.echo("\n".join(lines(plan)) + "\n")
    click.echo(break_even(rates, machines))


if __name__ == "__main__":
    main()
