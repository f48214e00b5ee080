"""The figures about serving: replay at once and at the recorded pace, the simulator, recording."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack

from tests.bench import material
from tests.bench.child import Child
from tests.bench.figures import Figure, interleave, middle, quantile
from tests.bench.others import installed
from tests.bench.wire import Client, Paced, frames


def begin(port: int) -> Client:
    """A client that has its session and whose item is in the conversation."""
    client = Client(port)
    client.until('"session.created"')
    create, _ = material.ask(material.LIVE_ITEM, material.LIVE_TAG)
    client.send(create)
    client.until('"conversation.item.done"')
    return client


def flood(child: Child, count: int, *, check: bool = False) -> dict[str, float]:
    """One response of ``count`` frames, as fast as they come."""
    client = begin(child.port)
    _, request = material.ask(material.LIVE_ITEM, material.LIVE_TAG)
    cpu = child.cpu()
    began = time.perf_counter()
    client.send(request)
    data = client.swallow(material.LAST)
    took = time.perf_counter() - began
    used = child.cpu() - cpu
    client.close()
    if check:
        texts = [payload.decode() for _, payload, _ in frames(data)]
        wrong = [text for text in texts if material.RECORDED_ITEM in text or material.RECORDED_TAG in text]
        if len(texts) != count + 2 or wrong:
            raise RuntimeError(f"{child.role}: {len(texts)} frames of {count + 2}, {len(wrong)} with a recorded id")
    return {"fps": count / took, "cpu_us": used / count * 1e6}


def instant(rounds: int, count: int, role: str = "replay-instant", loop: str = "asyncio") -> list[Figure]:
    """Replay as fast as it goes, against a loop of send_str."""
    out = []
    for size, goal in ((2600, 0.8), (240, 0.7)):
        with Child("bare-flood", count=count, size=size, loop=loop) as bare, \
                Child(role, count=count, size=size, loop=loop) as mock:  # fmt: skip
            flood(bare, count, check=True)
            flood(mock, count, check=True)
            got = interleave(rounds, bare=lambda: flood(bare, count), mock=lambda: flood(mock, count))
        mine, theirs = ([one["fps"] for one in got[side]] for side in ("mock", "bare"))
        ratio = middle([a / b for a, b in zip(mine, theirs, strict=True)])
        cpu = (
            middle([one["cpu_us"] for one in got["mock"]]),
            middle([one["cpu_us"] for one in got["bare"]]),
        )
        out.append(
            Figure(
                f"{role}, {size} B frames",
                middle(mine),
                "frames/s",
                middle(theirs),
                ratio,
                f">= {goal} of bare",
                ratio >= goal,
                f"CPU per frame {cpu[0]:.1f} us, bare {cpu[1]:.1f}",
                {"mock": mine, "bare": theirs},
            )
        )
    return out


def others(rounds: int, count: int) -> list[Figure]:
    """What ``websockets`` and picows do of the same, beside bare aiohttp."""
    out = []
    for name, role in installed().items():
        with Child("bare-flood", count=count, size=2600) as bare, Child(role, count=count, size=2600) as other:
            flood(other, count, check=True)
            got = interleave(
                rounds,
                bare=lambda: flood(bare, count)["fps"],
                mock=lambda: flood(other, count)["fps"],
            )
        ratio = middle([a / b for a, b in zip(got["mock"], got["bare"], strict=True)])
        mine, theirs = middle(got["mock"]), middle(got["bare"])
        out.append(
            Figure(f"{name}: a flood of 2600 B frames", mine, "frames/s", theirs, ratio, note="not ours", rounds=got)
        )
    return out


async def pace(child: Child, sessions: int, count: int, size: int, gap_us: int) -> dict[str, float]:
    """``sessions`` clients at once, their schedules spread over one gap: how late each frame is, and the CPU."""
    loop = asyncio.get_running_loop()
    left = sessions
    finished = loop.create_future()

    def done() -> None:
        nonlocal left
        left -= 1
        if not left and not finished.done():
            finished.set_result(None)

    texts = list(material.ask(material.LIVE_ITEM, material.LIVE_TAG))
    wire = len(material.delta(size, 0)) + (4 if size >= 126 else 2)
    clients: list[Paced] = []
    for number in range(sessions):
        _, client = await loop.create_connection(
            lambda: Paced(texts, b'"response.created"', wire, done, count), "127.0.0.1", child.port
        )
        clients.append(client)
        if number % 50 == 49:
            await asyncio.sleep(0.05)
    while not all(client.ready for client in clients):  # noqa: ASYNC110 - nothing else runs here
        await asyncio.sleep(0.05)
    cpu, began = child.cpu(), loop.time()
    mine = time.process_time()
    for number, client in enumerate(clients):
        loop.call_at(began + 0.05 + number / sessions * gap_us / 1e6, client.go)
    await finished
    took, used = loop.time() - began, child.cpu() - cpu
    mine = time.process_time() - mine
    for client in clients:
        if client.failed:
            raise RuntimeError(f"{child.role}: {client.failed}")
        client.transport.abort()
    late = [
        (at - client.began - 0.02 - number * gap_us / 1e6) * 1e3
        for client in clients
        for number, at in enumerate(client.times)
    ]
    await asyncio.sleep(0.2)
    return {
        "p50": quantile(late, 0.5),
        "p99": quantile(late, 0.99),
        "max": max(late),
        "cpu": used / (count * gap_us / 1e6),  # of the schedule: who is late does not look cheaper
        "client": mine / took,
    }


def paced(
    rounds: int, seconds: float, counts: tuple[int, ...] = (100, 200, 400), loop: str = "asyncio"
) -> list[Figure]:
    """50 frames a second for each session, against tasks that sleep."""
    out = []
    size, gap = 1500, 20_000
    count = int(seconds * 50)
    for sessions in counts:
        frames = {"count": count, "size": size, "gap_us": gap, "times": sessions * rounds}
        with (
            Child("bare-paced", loop=loop, **frames) as bare,
            Child("replay-paced", loop=loop, **frames) as mock,
        ):
            got = interleave(
                rounds,
                bare=lambda: asyncio.run(pace(bare, sessions, count, size, gap)),  # noqa: B023
                mock=lambda: asyncio.run(pace(mock, sessions, count, size, gap)),  # noqa: B023
            )
        mid = {side: {key: middle([one[key] for one in got[side]]) for key in got[side][0]} for side in got}
        mine, theirs = mid["mock"], mid["bare"]
        last = sessions == counts[-1]
        name = f"paced replay, {sessions} sessions"
        out.append(
            Figure(
                f"{name}: lateness p99",
                mine["p99"],
                "ms",
                theirs["p99"],
                mine["p99"] / theirs["p99"],
                "< 5 ms" if last else "",
                mine["p99"] < 5 if last else None,
                f"p50 {mine['p50']:.2f} (bare {theirs['p50']:.2f}), max {mine['max']:.1f} (bare {theirs['max']:.1f})",
                {f"{side} {key}": [one[key] for one in got[side]] for side in got for key in ("p50", "p99", "max")},
            )
        )
        ratio = middle([a["cpu"] / b["cpu"] for a, b in zip(got["mock"], got["bare"], strict=True)])
        out.append(
            Figure(
                f"{name}: CPU",
                mine["cpu"] * 100,
                "% of a core",
                theirs["cpu"] * 100,
                ratio,
                "<= 1.5 of bare" if last else "",
                ratio <= 1.5 if last else None,
                f"the client process used {mine['client'] * 100:.0f} %",
                {f"{side} cpu": [one["cpu"] for one in got[side]] for side in got},
            )
        )
    return out


# --- recording ------------------------------------------------------------------------------------------------------


def round_trips(child: Child, count: int) -> dict[str, float]:
    """Times of ``count`` frames that come back, one after another."""
    client = Client(child.port)
    text = material.delta(300, 1)
    took = []
    for _ in range(count + 20):
        began = time.perf_counter()
        client.send(text)
        client.receive()
        took.append(time.perf_counter() - began)
    client.close()
    return {"p50": quantile(took[20:], 0.5) * 1e3, "p99": quantile(took[20:], 0.99) * 1e3}


def through(child: Child, count: int) -> float:
    """Frames a second from the upstream to the client."""
    client = Client(child.port)
    client.send('{"type":"warm"}')
    client.receive()
    began = time.perf_counter()
    client.send('{"type":"flood"}')
    client.swallow(material.LAST)
    took = time.perf_counter() - began
    client.close()
    return count / took


def recording(rounds: int, trips: int, count: int, loop: str = "asyncio") -> list[Figure]:
    """What recording adds to a round trip, and what it keeps of the throughput."""
    out = []
    with ExitStack() as stack:
        upstream = stack.enter_context(Child("bare-echo", count=count, size=1500))
        url = f"ws://127.0.0.1:{upstream.port}"
        bare = stack.enter_context(Child("bare-relay", upstream=url, loop=loop))
        writer = stack.enter_context(Child("bare-writer", upstream=url, loop=loop))
        mock = stack.enter_context(Child("record", upstream=url, loop=loop))
        for child in (upstream, bare, writer, mock):
            round_trips(child, 200)
        got = interleave(
            rounds,
            direct=lambda: round_trips(upstream, trips),
            bare=lambda: round_trips(bare, trips),
            mock=lambda: round_trips(mock, trips),
        )
        for part, goal in (("p50", 0.3), ("p99", None)):
            adds = {
                side: [one[part] - base[part] for one, base in zip(got[side], got["direct"], strict=True)]
                for side in ("bare", "mock")
            }
            mine, theirs = middle(adds["mock"]), middle(adds["bare"])
            out.append(
                Figure(
                    f"record: adds to a round trip, {part}",
                    mine,
                    "ms",
                    theirs,
                    mine / theirs,
                    f"< {goal} ms" if goal else "",
                    mine < goal if goal else None,
                    f"round trip direct {middle([one[part] for one in got['direct']]):.3f} ms",
                    adds,
                )
            )
        fps = interleave(
            rounds,
            direct=lambda: through(upstream, count),
            bare=lambda: through(bare, count),
            writer=lambda: through(writer, count),
            mock=lambda: through(mock, count),
        )
        limit = middle([a / b for a, b in zip(fps["writer"], fps["bare"], strict=True)])
        out.append(
            Figure(
                "limit: a bare relay that writes each frame as it is",
                middle(fps["writer"]),
                "frames/s",
                middle(fps["bare"]),
                limit,
                note="1500 B, a check sum each, no look for secrets",
                rounds={"mock": fps["writer"], "bare": fps["bare"]},
            )
        )
        ratio = middle([a / b for a, b in zip(fps["mock"], fps["bare"], strict=True)])
        out.append(
            Figure(
                "record: throughput, 1500 B frames",
                middle(fps["mock"]),
                "frames/s",
                middle(fps["bare"]),
                ratio,
                ">= 0.75 of bare relay",
                ratio >= 0.75,
                f"direct {middle(fps['direct']):,.0f} frames/s",
                fps,
            )
        )
    return out


# --- the simulator --------------------------------------------------------------------------------------------------

TEXT_SESSION = material.dump({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}})


def turn(client: Client) -> list[str]:
    """One text turn; the frames of the response."""
    client.send(
        material.dump(
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hello there, how are you?"}],
                },
            }
        ),
        material.dump({"type": "response.create"}),
    )
    return client.until('"response.done"')


def turns(child: Child, count: int, *, setup: bool) -> dict[str, float]:
    """Turns in one session, each begun when the one before has ended; a new session every 20 turns."""
    cpu, took = 0.0, 0.0
    done = 0
    while done < count:
        client = Client(child.port)
        client.until("session.created")
        if setup:
            client.send(TEXT_SESSION)
            client.until("session.updated")
        used, began = child.cpu(), time.perf_counter()
        for _ in range(min(20, count - done)):
            turn(client)
            done += 1
        took += time.perf_counter() - began
        cpu += child.cpu() - used
        client.close()
    return {"per_s": count / took, "cpu_ms": cpu / count * 1e3}


async def speak(child: Child, sessions: int, seconds: float) -> dict[str, float]:
    """``sessions`` clients that append 20 ms of audio 50 times a second: the server's CPU."""
    loop = asyncio.get_running_loop()
    text = material.append(20)
    clients: list[Paced] = []
    for _ in range(sessions):
        _, client = await loop.create_connection(
            lambda: Paced([text], b"never", 1, lambda: None, 0), "127.0.0.1", child.port
        )
        clients.append(client)
    await asyncio.sleep(0.5)
    cpu, began = child.cpu(), loop.time()
    for number in range(int(seconds * 50)):
        for client in clients:
            client.go()
        wait = began + (number + 1) * 0.02 - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
    await asyncio.sleep(0.05)
    took, used = loop.time() - began, child.cpu() - cpu
    for client in clients:
        client.transport.abort()
    await asyncio.sleep(0.1)
    return {"cpu": used / took, "rate": seconds * 50 * sessions / took}


def simulating(rounds: int, count: int, seconds: float, loop: str = "asyncio") -> list[Figure]:
    """Turns per second, and client audio, against a bare server that sends or reads the same."""
    out = []
    with Child("simulate", pace="instant", loop=loop) as mock:
        sample = Client(mock.port)
        sample.until("session.created")
        sample.send(TEXT_SESSION)
        sample.until("session.updated")
        said = turn(sample)
        sample.close()
        size = sum(map(len, said))
        with Child("bare-turns", turn=said, loop=loop) as bare:
            got = interleave(
                rounds,
                bare=lambda: turns(bare, count, setup=False),
                mock=lambda: turns(mock, count, setup=True),
            )
        mine, theirs = ([one["per_s"] for one in got[side]] for side in ("mock", "bare"))
        cpu = middle([one["cpu_ms"] for one in got["mock"]])
        out.append(
            Figure(
                "simulator: text turns",
                middle(mine),
                "turns/s",
                middle(theirs),
                middle([a / b for a, b in zip(mine, theirs, strict=True)]),
                "",
                None,
                f"{len(said)} frames, {size} B; CPU {cpu:.2f} ms; a core: {1e3 / cpu * 10:,.0f} sessions, a turn "
                "every 10 s",
                {"mock": mine, "bare": theirs},
            )
        )
    with (
        Child("simulate", pace="instant", loop=loop) as mock,
        Child("bare-sink", loop=loop) as bare,
    ):
        heard = interleave(
            rounds,
            bare=lambda: asyncio.run(speak(bare, 100, seconds)),
            mock=lambda: asyncio.run(speak(mock, 100, seconds)),
        )
    mine, theirs = ([one["cpu"] for one in heard[side]] for side in ("mock", "bare"))
    out.append(
        Figure(
            "simulator: client audio, 100 sessions x 50 appends/s, CPU",
            middle(mine) * 100,
            "% of a core",
            middle(theirs) * 100,
            middle([a / b for a, b in zip(mine, theirs, strict=True)]),
            "",
            None,
            f"one core: {100 / middle(mine):,.0f} speaking sessions; "
            f"got {middle([one['rate'] for one in heard['mock']]):,.0f} appends/s",
            {"mock": mine, "bare": theirs},
        )
    )
    return out
