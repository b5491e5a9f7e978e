import threading
import time
from collections.abc import Generator
from contextlib import closing

import pytest

from scorer.scoring.pipeline import StageClock, each, overlapped, timed


def numbers(count: int, closed: list[str] | None = None) -> Generator[int, None, None]:
    try:
        yield from range(count)
    finally:
        if closed is not None:
            closed.append("numbers")


def chain(source, *works):
    items = overlapped(timed(source, StageClock()), StageClock())
    for work in works:
        items = overlapped(each(work, items, StageClock()), StageClock())
    return items


def raising(message):
    def work(item):
        if item == 3:
            raise ValueError(message)
        return item

    return work


def started_threads():
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


def test_items_come_out_once_and_in_order():
    result = chain(numbers(1000), lambda n: n + 1, lambda n: n * 2)
    assert list(result) == [(n + 1) * 2 for n in range(1000)]


def test_no_items_at_all():
    assert list(chain(numbers(0), str)) == []


@pytest.mark.parametrize("stage", range(3))
def test_an_error_in_any_stage_ends_all_with_that_error(stage):
    before = started_threads()
    works = [str] * 3
    works[stage] = raising(f"stage {stage}")
    works[:stage] = [lambda n: n] * stage
    with pytest.raises(ValueError, match=f"stage {stage}"):
        list(chain(numbers(10**9), *works))
    assert started_threads() == before


def test_an_error_of_the_source_comes_out_after_the_items_before_it():
    def failing():
        yield 1
        raise OSError("unreadable")

    taken = []
    with pytest.raises(OSError, match="unreadable"):
        taken += [*chain(failing(), lambda n: taken.append(n))]
    assert taken == [1]


def test_closing_the_chain_ends_every_stage_and_closes_the_source():
    before, closed = started_threads(), []
    with closing(chain(numbers(10**9, closed), lambda n: n)) as items:
        assert next(items) == 0
    assert closed == ["numbers"]
    assert started_threads() == before


def test_closing_waits_for_the_item_in_hand():
    finished = []

    def slow(number):
        time.sleep(0.05)
        finished.append(number)
        return number

    with closing(chain(numbers(10), slow)) as items:
        next(items)
    in_time = len(finished)
    time.sleep(0.1)
    assert len(finished) == in_time >= 1


def test_a_stage_runs_ahead_by_a_bounded_number_of_items():
    made = []
    with closing(chain(numbers(10**6), lambda n: made.append(n))) as items:
        next(items)
        time.sleep(0.05)
        assert 1 < len(made) <= 4


def test_stages_overlap_and_the_clock_tells_work_from_waiting():
    clocks = [StageClock() for _ in range(2)]
    items = overlapped(each(lambda _: time.sleep(0.02), numbers(10), clocks[0]), clocks[0])
    started = time.perf_counter()
    for _ in each(lambda _: time.sleep(0.04), items, clocks[1]):
        pass
    seconds = time.perf_counter() - started
    assert seconds < 0.55  # one after the other they need 0.6
    assert clocks[0].busy == pytest.approx(0.2, abs=0.05)
    assert clocks[1].busy == pytest.approx(0.4, abs=0.05)
    assert clocks[0].blocked > 0.05
    assert clocks[1].starved < 0.1
