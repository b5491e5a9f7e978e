"""Stages of a run in threads of their own, so that reading, computing and writing overlap.

A stage is an iterator; `overlapped` lets it run ahead of whoever takes its items, by a bounded
number of them. An error in any stage comes out at the end of the chain, and closing the chain
ends every stage. Knows nothing of what the items are. PyTorch, Arrow and hashing release the
interpreter's lock while they work.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 1  # items that wait between two stages, beside the one each stage works on


@dataclass
class StageClock:
    """Seconds that a stage was busy, waited for its items, and waited to pass one on."""

    busy: float = 0.0
    starved: float = 0.0
    blocked: float = 0.0


@dataclass(frozen=True)
class _End:
    """What comes after the last item: nothing, or the error that ended the stage."""

    error: BaseException | None = None


def timed(items: Iterable[Item], clock: StageClock) -> Generator[Item, None, None]:
    """Yield the items of the first stage, counting the time each took as work."""
    iterator = iter(items)
    while True:
        started = time.perf_counter()
        try:
            item = next(iterator)
        except StopIteration:
            return
        finally:
            clock.busy += time.perf_counter() - started
        yield item


def each(
    work: Callable[[Item], Result], items: Generator[Item, None, None], clock: StageClock
) -> Generator[Result, None, None]:
    """Yield `work(item)` of each item; closes the stages before it when it ends."""
    waiting = StageClock()
    with closing(items):
        for item in timed(items, waiting):
            clock.starved, started = waiting.busy, time.perf_counter()
            result = work(item)
            clock.busy += time.perf_counter() - started
            yield result


def overlapped(
    items: Generator[Item, None, None], clock: StageClock
) -> Generator[Item, None, None]:
    """Yield the items of a stage that runs in a thread, at most `AHEAD` items and one in advance.

    Closing this generator waits until the stage is done with its item.
    """
    ready: SimpleQueue[Item | _End] = SimpleQueue()
    room, stop = threading.Semaphore(AHEAD), threading.Event()

    def run() -> None:
        end: _End = _End()
        try:
            with closing(items):
                for item in items:
                    clock.blocked += _wait_for(room)
                    if stop.is_set():
                        return
                    ready.put(item)
        except BaseException as error:  # of any kind: it is raised where the items are taken
            end = _End(error)
        finally:
            ready.put(end)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield from _take(ready, room)
    finally:
        stop.set()
        room.release()
        thread.join()


def _wait_for(room: threading.Semaphore) -> float:
    started = time.perf_counter()
    room.acquire()
    return time.perf_counter() - started


def _take(
    ready: "SimpleQueue[Item | _End]", room: threading.Semaphore
) -> Generator[Item, None, None]:
    while not isinstance(item := ready.get(), _End):
        room.release()
        yield item
    if item.error is not None:
        raise item.error
