"""Goals in which wrong answers show, on this client and on pyignite with the same script: the table has both columns.

This client is tested at more length elsewhere; here it shows that the script asks nothing unfair.
"""

from __future__ import annotations

import pytest

from ..conftest import Reached, Size
from .beside import NODE, OURS, PACKAGES, compare, run

INTERRUPTS = """
    client = connected()
    cache = client.get_cache("c")
    check(cache, 0)
    node.rule("get", fake.hold(0.002), times=1_000_000)
    rng = random.Random(5)

    class Interrupt(BaseException):
        pass

    def ring(number, frame):
        raise Interrupt

    def call(key, delay):
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            while True:
                check(cache, key)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    signal.signal(signal.SIGALRM, ring)
    for turn in range(OPTIONS["times"]):
        delay = rng.uniform(0.001, 0.006)
        began = time.monotonic()
        try:
            call(turn % 50, delay)
        except Interrupt:
            seen["interrupted"] += 1
            seen["late"] += time.monotonic() - began - delay > 0.25
        if OPTIONS["reads"] > 1:
            node.forget_rules()
        for number in range(OPTIONS["reads"]):
            check(cache, (turn * 31 + number) % 1_000)
        if OPTIONS["reads"] > 1:
            node.rule("get", fake.hold(0.002), times=1_000_000)
    tell(connections=node.accepted)
"""


@pytest.mark.goal("G8")
@pytest.mark.parametrize("package", PACKAGES)
def test_calls_of_a_thread_are_abandoned(package: str, size: Size, reached: Reached) -> None:
    times = size(200, 2_000)
    what = f"{times:,} blocking calls abandoned by a signal, a checked read after each"
    seen = compare("G8", what, INTERRUPTS, package, reached, "wrong", "right", "errors", times=times, reads=1)
    if package == OURS:
        assert (seen["interrupted"], seen["wrong"], seen["errors"], seen["late"]) == (times, 0, 0, 0), seen
        assert seen["right"] >= times
    else:
        # P1.
        assert seen["wrong"] > 0, seen


@pytest.mark.goal("G11")
@pytest.mark.parametrize("package", PACKAGES)
def test_calls_are_interrupted(package: str, size: Size, reached: Reached) -> None:
    times = size(20, 200)
    what = f"{times} calls left by an exception of a signal handler, 200 reads after each"
    seen = compare("G11", what, INTERRUPTS, package, reached, "wrong", "right", "errors", "late", times=times, reads=200)
    if package == OURS:
        assert (seen["interrupted"], seen["wrong"], seen["errors"], seen["late"]) == (times, 0, 0, 0), seen
        assert seen["right"] >= times * 200
    else:
        assert seen["wrong"] > 0, seen


THREADS = """
    client = connected()
    cache = client.get_cache("c")
    # All start together.
    together = threading.Barrier(16)

    def work(index):
        together.wait()
        for number in range(OPTIONS["times"]):
            check(cache, (index * 37 + number) % 1_000)

    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell()
"""


@pytest.mark.goal("G12")
@pytest.mark.parametrize("package", PACKAGES)
def test_threads_share_a_client(package: str, size: Size, reached: Reached) -> None:
    times = size(500, 5_000)
    what = f"16 x {times:,} reads of threads"
    seen = compare("G12", what, THREADS, package, reached, "wrong", "right", "errors", "broken", times=times)
    if package == OURS:
        assert (seen["right"], seen["wrong"], seen["errors"], seen["hung"]) == (16 * times, 0, 0, 0), seen
    else:
        # P2.
        assert seen["right"] < 16 * times, seen


FORKS = """
    client = connected()
    cache = client.get_cache("c")
    check(cache, 0)
    pipes = []
    for child in range(4):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            # A child that hangs is ended, and says nothing.
            signal.alarm(15)
            seen.clear()
            for number in range(500):
                check(cache, (child * 100 + number) % 1_000)
            os.write(theirs, json.dumps(seen).encode())
            os._exit(0)
        os.close(theirs)
        pipes.append(ours)
    # A parent that hangs tells so itself, after its children have ended.
    for number in range(500):
        check(cache, (500 + number) % 1_000)
    for pipe in pipes:
        data = os.read(pipe, 10_000)
        seen.update(json.loads(data) if data else {"silent_children": 1})
    tell()
"""


@pytest.mark.goal("G13")
@pytest.mark.parametrize("package", PACKAGES)
def test_parent_and_children_read(package: str, reached: Reached) -> None:
    what = "parent and 4 forked children, 500 reads each"
    seen = compare("G13", what, FORKS, package, reached, "wrong", "right", "errors", "silent_children", limit=25)
    if package == OURS:
        assert (seen["right"], seen["wrong"], seen["errors"], seen["hung"]) == (2_501, 0, 0, 0), seen
    else:
        # P3.
        assert seen["right"] < 2_501, seen


CLOSES = """
    def threads():
        client = connected()
        cache = client.get_cache("c")
        node.rule("get", fake.silence(), times=1_000_000)

        def call():
            try:
                cache.get(1)
            except Exception:
                pass
            ended.append(time.monotonic())

        ended = []
        workers = [threading.Thread(target=call, daemon=True) for _ in range(16)]
        for worker in workers:
            worker.start()
        time.sleep(0.3)
        accepted, began = node.accepted, time.monotonic()
        try:
            client.close()
        except Exception:
            seen["close_raised"] += 1
        time.sleep(3)
        seen["of_threads_that_ended_late_or_never"] += 16 - sum(moment - began < 1 for moment in ended)
        seen["new_connections"] += node.accepted - accepted
        node.forget_rules()

    async def tasks():
        client = ignite.AioClient()
        await client.connect(*node.address)
        cache = await client.get_cache("c")
        node.rule("get", fake.silence(), times=1_000_000)

        async def call():
            try:
                await cache.get(1)
            except Exception:
                pass
            ended.append(time.monotonic())

        ended = []
        calls = [asyncio.ensure_future(call()) for _ in range(1_000)]
        await asyncio.sleep(1)
        accepted, began = node.accepted, time.monotonic()
        try:
            await asyncio.wait_for(client.close(), 1)
        except Exception:
            seen["close_raised"] += 1
        await asyncio.sleep(3)
        seen["of_tasks_that_ended_late_or_never"] += 1_000 - sum(moment - began < 1 for moment in ended)
        seen["new_connections"] += node.accepted - accepted

    threads()
    asyncio.run(tasks())
    tell()
"""


@pytest.mark.goal("G16")
@pytest.mark.parametrize("package", PACKAGES)
def test_close_with_calls_in_flight(package: str, reached: Reached) -> None:
    names = ("new_connections", "of_threads_that_ended_late_or_never", "of_tasks_that_ended_late_or_never", "close_raised")
    seen = compare("G16", "close() under 16 threads, and under 1,000 tasks", CLOSES, package, reached, *names)
    if package == OURS:
        assert not any(seen[name] for name in (*names, "hung")), seen
    else:
        # P17.
        assert any(seen[name] for name in (*names, "hung")), seen


PASSWORDS = """
    USERS = {"plain": "secret", "Jürgen": "Größe", "имя": "пароль", "名前": "パスワード", "emoji 😀": "🔑🔑"}
    node = fake.FakeNode({"c": {1: 11}}, users=USERS)

    def enter(name, password):
        client = ignite.Client(username=name, password=password, use_ssl=False, handshake_timeout=1)
        client.connect(*node.address)
        return client.get_cache("c").get(1) == 11

    for name, password in USERS.items():
        kind = "ascii" if (name + password).isascii() else "beyond_ascii"
        try:
            seen[kind] += enter(name, password)
        except Exception:
            seen["failed_" + kind] += 1
    tell()
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_names_and_passwords_beyond_ascii(package: str) -> None:
    seen = run(NODE + PASSWORDS, package, 0)
    assert seen["ascii"] == 1, seen
    # P20.
    assert (seen["beyond_ascii"], seen["failed_beyond_ascii"]) == ((4, 0) if package == OURS else (0, 4)), seen
