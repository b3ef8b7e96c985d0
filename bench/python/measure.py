"""Reads the same site with muster_registry and with what a user would pick instead."""

import argparse
import asyncio
import multiprocessing
import statistics
import time

import aiocache
import aiohttp
import httpx
import requests_cache

from muster_registry import RegistryClient
from site_server import SiteServer

PATH = "providers/cms/sanity.json"


def serve(folder, delay, pipe):
    pipe.send(SiteServer(folder, delay).url)
    pipe.recv()


def each(call, count):
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count * 1e6


async def each_awaited(call, count):
    began = time.perf_counter()
    for _ in range(count):
        await call()
    return (time.perf_counter() - began) / count * 1e6


def cached(url, key, rounds):
    """Microseconds for a read of what is in memory, in turns."""
    client = RegistryClient(url, key=key)
    session = requests_cache.CachedSession(backend="memory", expire_after=300)
    ours = lambda: client.get_provider_sync("cms", "sanity")
    theirs = lambda: session.get(f"{url}/{PATH}").json()
    assert ours() == theirs()
    ours(), theirs()
    found = {"muster_registry": [], "requests-cache": []}
    for _ in range(rounds):
        found["muster_registry"].append(each(ours, 100_000))
        found["requests-cache"].append(each(theirs, 300))
    return found


async def cached_awaited(url, key, rounds):
    client = RegistryClient(url, key=key)
    found = {"muster_registry, awaited": [], "aiohttp with aiocache": []}
    async with aiohttp.ClientSession() as session:

        @aiocache.cached(ttl=300)
        async def fetch(path):
            async with session.get(f"{url}/{path}") as answer:
                return await answer.json()

        ours = lambda: client.get_provider("cms", "sanity")
        theirs = lambda: fetch(PATH)
        assert await ours() == await theirs()
        for _ in range(rounds):
            found["muster_registry, awaited"].append(await each_awaited(ours, 100_000))
            found["aiohttp with aiocache"].append(await each_awaited(theirs, 3_000))
    return found


def cold(url, key, rounds):
    """Milliseconds for all documents, where each request takes 20 ms and nothing is in memory."""
    found = {"muster_registry, 29 documents": [], "httpx, one after another": []}
    paths = [path for path in RegistryClient(url, key=key).get_manifest_sync()["files"] if path.count("/") == 2]
    assert len(paths) == 29, paths
    for _ in range(rounds):
        began = time.perf_counter()
        assert len(RegistryClient(url, key=key).get_many_sync(paths)) == 29
        found["muster_registry, 29 documents"].append((time.perf_counter() - began) * 1e3)
        began = time.perf_counter()
        with httpx.Client() as client:
            for path in paths:
                client.get(f"{url}/{path}").raise_for_status().json()
        found["httpx, one after another"].append((time.perf_counter() - began) * 1e3)
    return found


def tell(what, unit, found):
    print(f"\n{what} (median of {len(next(iter(found.values())))})")
    medians = {name: statistics.median(times) for name, times in found.items()}
    (_, ours), *_ = medians.items()
    for name, median in medians.items():
        ratio = "" if median == ours else f", {median / ours:.1f} times as long"
        print(f"  {name:<32} {median:10.3f} {unit}{ratio}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--site", required=True)
    arguments.add_argument("--key", required=True)
    arguments.add_argument("--rounds", type=int, default=7)
    given = arguments.parse_args()
    for delay, measured in ((0.0, "cached"), (0.02, "cold")):
        here, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(given.site, delay, there), daemon=True)
        server.start()
        url = here.recv()
        if measured == "cached":
            tell("A read of what is in memory", "µs", cached(url, given.key, given.rounds))
            awaited = asyncio.run(cached_awaited(url, given.key, given.rounds))
            tell("The same with asyncio", "µs", awaited)
        else:
            tell("All documents, 20 ms for each request", "ms", cold(url, given.key, given.rounds))
        here.send("end")
        server.join()


if __name__ == "__main__":
    main()
