from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from api.batching import Batcher, ClosedError, QueueFullError


class Recorder:
    """Upper-cases texts, and remembers how they came."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()

    def __call__(self, texts: Sequence[str]) -> list[str]:
        self.batches.append(list(texts))
        self.threads.add(threading.current_thread().name)
        if "bad" in texts:
            raise ValueError("bad")
        return [text.upper() for text in texts]


def test_requests_that_arrive_together_share_a_batch_and_get_their_own_answers() -> None:
    run = Recorder()

    async def main() -> list[list[str]]:
        async with Batcher(run, wait=0.05, limit=100) as batcher:
            return await asyncio.gather(*(batcher.submit([f"a{i}", f"b{i}"]) for i in range(10)))

    assert asyncio.run(main()) == [[f"A{i}", f"B{i}"] for i in range(10)]
    assert len(run.batches) == 1
    assert threading.current_thread().name not in run.threads


def test_a_long_list_goes_in_pieces_and_lets_others_between() -> None:
    run = Recorder()

    async def main() -> tuple[list[str], list[str]]:
        async with Batcher(run, wait=0, limit=100, batch=4) as batcher:
            return await asyncio.gather(batcher.submit([str(i) for i in range(10)]), batcher.submit(["one"]))

    long, single = asyncio.run(main())
    assert (long, single) == ([str(i) for i in range(10)], ["ONE"])
    assert max(len(batch) for batch in run.batches) <= 4
    assert next(i for i, batch in enumerate(run.batches) if "one" in batch) < len(run.batches) - 1


def test_no_texts_need_no_batch() -> None:
    run = Recorder()

    async def main() -> list[str]:
        async with Batcher(run, wait=0, limit=1) as batcher:
            return await batcher.submit([])

    assert asyncio.run(main()) == []
    assert run.batches == []


def test_a_full_queue_refuses_at_once_and_has_room_again_afterwards() -> None:
    gate = threading.Event()

    def run(texts: Sequence[str]) -> Sequence[str]:
        gate.wait(10)
        return texts

    async def main() -> None:
        async with Batcher(run, wait=0, limit=3) as batcher:
            waiting = asyncio.create_task(batcher.submit(["a", "b"]))
            await asyncio.sleep(0.01)
            with pytest.raises(QueueFullError):
                await batcher.submit(["c", "d"])
            gate.set()
            assert await waiting == ["a", "b"]
            assert await batcher.submit(["c", "d"]) == ["c", "d"]

    asyncio.run(main())


def test_a_slow_worker_refuses_before_the_wait_gets_long_but_never_when_idle() -> None:
    def run(texts: Sequence[str]) -> Sequence[str]:
        time.sleep(0.02 * len(texts))
        return texts

    async def main() -> None:
        async with Batcher(run, wait=0, limit=1000, batch=4, patience=0.05) as batcher:
            for _ in range(20):  # learns the pace
                await batcher.submit(["a"])
            waiting = asyncio.create_task(batcher.submit(["a"] * 3))
            await asyncio.sleep(0.01)
            assert not batcher.full()  # one batch is always let in
            more = asyncio.create_task(batcher.submit(["a"] * 4))
            await asyncio.sleep(0.01)
            assert batcher.full() and batcher.queued == 7  # 140 ms
            with pytest.raises(QueueFullError):
                await batcher.submit(["b"])
            await asyncio.gather(waiting, more)
            assert not batcher.full(500)

    asyncio.run(main())


def test_heavy_items_make_small_batches() -> None:
    run = Recorder()

    async def main() -> None:
        async with Batcher(run, wait=0.02, limit=100, batch=4, weigh=len, most=5) as batcher:
            heavy = ["a" * 9, "bb", "ccc", "d", "e", "f"]
            assert await batcher.submit(heavy) == [text.upper() for text in heavy]
            run.batches.clear()
            await asyncio.gather(*(batcher.submit([text]) for text in ("aaa", "bbb", "c")))

    asyncio.run(main())
    assert run.batches == [["aaa"], ["bbb", "c"]]


def test_of_a_long_list_only_the_piece_whose_turn_it_is_fills_the_queue() -> None:
    async def main() -> None:
        async with Batcher(Recorder(), wait=0.05, limit=6, batch=4) as batcher:
            waiting = asyncio.create_task(batcher.submit([str(i) for i in range(40)]))
            await asyncio.sleep(0.01)
            assert batcher.queued == 4 and not batcher.full(2) and batcher.full(3)
            await waiting

    asyncio.run(main())


def test_a_text_that_fails_does_not_fail_the_others_in_its_batch() -> None:
    async def main() -> list[list[str] | BaseException]:
        async with Batcher(Recorder(), wait=0.05, limit=100) as batcher:
            return await asyncio.gather(*(batcher.submit([t]) for t in ("a", "bad", "b")), return_exceptions=True)

    first, failed, last = asyncio.run(main())
    assert (first, last) == (["A"], ["B"])
    assert isinstance(failed, ValueError)


def test_of_many_that_fail_only_the_guilty_ones_get_the_error() -> None:
    run = Recorder()

    async def main() -> list[str | Exception]:
        async with Batcher(run, wait=0, limit=100) as batcher:
            return await batcher.submit_each(["a", "b", "bad", "c", "bad"])

    first, second, failed, third, last = asyncio.run(main())
    assert (first, second, third) == ("A", "B", "C")
    assert isinstance(failed, ValueError) and isinstance(last, ValueError)


def test_a_failure_of_the_whole_is_not_tried_again() -> None:
    run = Recorder()

    async def main() -> list[str | Exception]:
        async with Batcher(run, wait=0, limit=100, apart=lambda error: False) as batcher:
            return await batcher.submit_each(["a", "bad"])

    assert all(isinstance(result, ValueError) for result in asyncio.run(main()))
    assert run.batches == [["a", "bad"]]


def test_a_wrong_number_of_results_is_an_error_and_not_a_shift() -> None:
    async def main() -> None:
        async with Batcher(lambda texts: texts[1:], wait=0, limit=100) as batcher:
            with pytest.raises(RuntimeError, match="0 results for 1 items"):
                await batcher.submit(["a", "b"])

    asyncio.run(main())


def test_leaving_finishes_what_was_accepted_and_takes_nothing_new() -> None:
    run = Recorder()

    async def main() -> list[str]:
        batcher = Batcher(run, wait=0.05, limit=100, batch=4)
        async with batcher:
            accepted = asyncio.create_task(batcher.submit([str(i) for i in range(10)]))
            await asyncio.sleep(0)
        assert accepted.done()
        with pytest.raises(ClosedError):
            await batcher.submit(["late"])
        return await accepted

    assert asyncio.run(main()) == [str(i) for i in range(10)]


def test_a_request_that_was_given_up_is_not_computed() -> None:
    run = Recorder()

    async def main() -> None:
        async with Batcher(run, wait=0.05, limit=2) as batcher:
            given_up = asyncio.create_task(batcher.submit(["given up"]))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.sleep(0)
            assert await batcher.submit(["a", "b"]) == ["A", "B"]  # its place in the queue is free too

    asyncio.run(main())
    assert run.batches == [["a", "b"]]
