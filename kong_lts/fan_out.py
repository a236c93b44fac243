"""Doing one thing to many, a few at once, on any executor."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TypeVar

__all__ = ["fan_out"]

Item = TypeVar("Item")
Made = TypeVar("Made")


def fan_out(
    act: Callable[[Item], Made],
    items: Iterable[Item],
    *,
    at_once: int,
    executor: Executor | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Generator[tuple[Item, "Future[Made]"], None, None]:
    """Hand each item to an executor, and give back what came of it as soon as it has come.

    No more than *at_once* items are taken and not yet done, however many there are.

    Args:
        act: What is done; an executor of other processes has to be able to pickle it.
        items: Taken one by one, no sooner than they can be begun.
        at_once: At least 1.
        executor: None is threads of this process.
        go_on: Asked before each item is begun; once it says no, what was begun comes to its end.
    """
    with ExitStack() as stack:
        pool = executor or stack.enter_context(ThreadPoolExecutor(at_once))
        waiting: dict[Future[Made], Item] = {}
        coming = iter(items)
        more = True
        while more or waiting:
            while more and len(waiting) < at_once:
                if not go_on():
                    more = False
                    break
                for item in coming:
                    waiting[pool.submit(act, item)] = item
                    break
                else:
                    more = False
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future
