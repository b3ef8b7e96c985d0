"""Which tier answers, whatever fails."""

import asyncio
import json
import pathlib
import shutil
import tempfile
import time
import unittest

from muster_registry import (
    RegistryClient,
    RegistryConnectionError,
    RegistryError,
    RegistryNotFoundError,
    RegistryOptionError,
    Snapshot,
)
from parts import KEY, SANITY, SITE, SNAPSHOT, SiteTest, manifest
from site_server import FAULTS, SiteServer

OWN = {SANITY: {"provider_name": "own"}}


def fill(disk):
    """Fills a folder as a run before did."""
    (disk / "objects").mkdir(parents=True, exist_ok=True)
    shutil.copy(SITE / "manifest.json", disk)
    for file in manifest()["files"].values():
        shutil.copy(SITE / "objects/sha256" / file["sha256"], disk / "objects")


def garble(disk):
    for file in disk.rglob("*"):
        if file.is_file():
            file.write_text("garbage")


class Tiers(SiteTest):
    def setUp(self):
        super().setUp()
        self.scratch = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.scratch)

    def client(self, **options):
        given = {"key": KEY, "max_retries": 1, "timeout": 0.3, **options}
        return RegistryClient(self.server.url, **given)

    def test_every_source_with_every_cache_disk_and_snapshot_answers_as_documented(self):
        snapshot, cells = Snapshot.read(SNAPSHOT), 0
        for mood in ("healthy", "slow", "500", "wrong", "refused"):
            for cache in ("fresh", "stale", "empty"):
                for disk in ("present", "absent", "corrupt"):
                    for embedded in (True, False):
                        cell = (mood, cache, disk, embedded)
                        with self.subTest(cell=cell):
                            self.cell(*cell, snapshot)
                        cells += 1
        self.assertEqual(cells, 90)

    def cell(self, mood, cache, disk, embedded, snapshot):
        self.server.mood = "healthy"
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        options = {"cache_ttl": 0 if cache == "stale" else 300}
        if disk != "absent":
            options["disk"] = folder
        if embedded:
            options["snapshot"] = snapshot
        client = self.client(**options)
        if cache != "empty":
            self.assertEqual(client.get_sync(SANITY).source, "source")
        if disk != "absent":
            fill(folder)
        if disk == "corrupt":
            garble(folder)
        if mood == "refused":
            self.server.stop()
        else:
            self.server.mood = mood
        began = time.monotonic()
        answer = client.get_sync(SANITY)
        took = time.monotonic() - began
        if cache == "fresh":
            expect = "fresh"
        elif mood == "healthy":
            expect = "source"
        elif cache == "stale":
            expect = "stale"
        elif disk == "present":
            expect = "disk"
        else:
            expect = "embedded" if embedded else "degraded"
        self.assertEqual(answer.source, expect)
        self.assertEqual(answer.is_degraded, expect == "degraded")
        if expect == "degraded":
            self.assertEqual((answer["status"], answer["path"]), ("degraded", SANITY))
        else:
            self.assertEqual(answer["provider_name"], "sanity")
        self.assertLess(took, 1, "later than timeout times tries, and what the machine takes")
        is_well = expect in ("fresh", "source")
        health = client.get_health_status()
        self.assertEqual(health["status"], "healthy" if is_well else "degraded")
        self.assertEqual(health["stale_for_seconds"] is None, is_well)
        self.assertEqual(health["last_error"] is None, is_well)
        if mood == "refused":
            self.server.start_again()

    def test_it_is_well_again_without_help_after_each_fault(self):
        client = self.client(cache_ttl=0, fallback_data=OWN)
        for fault in FAULTS:
            with self.subTest(fault=fault):
                client = self.client(cache_ttl=0, fallback_data=OWN)
                # So short a wish that the client comes back at once.
                self.server.mood, self.server.retry_after = fault, 0
                answer = client.get_sync(SANITY)
                self.assertEqual((answer.source, answer), ("embedded", OWN[SANITY]))
                self.server.mood = "healthy"
                deadline = time.monotonic() + 10
                while client.get_sync(SANITY).source != "source":
                    self.assertLess(time.monotonic(), deadline)
                    # sleeps: the client leaves a source that failed alone for two or three seconds.
                    time.sleep(0.05)
                self.assertEqual(client.get_health_status()["status"], "healthy")

    def test_a_dead_source_costs_nothing(self):
        client = self.client(cache_ttl=0)
        client.get_sync(SANITY)
        self.server.mood = "500"
        self.assertEqual(client.get_sync(SANITY).source, "stale")
        asked = len(self.server.asked)
        for _ in range(50):
            self.assertEqual(client.get_sync(SANITY).source, "stale")
        self.assertEqual(len(self.server.asked), asked)

    def test_retry_after_is_heeded(self):
        client = self.client(max_retries=2, timeout=5)
        self.server.mood, self.server.retry_after, self.server.faults_left = "503", 1, 1
        began = time.monotonic()
        self.assertEqual(client.get_sync(SANITY).source, "source")
        self.assertTrue(1 <= time.monotonic() - began < 2, "a second, and not two of its own")
        # More than there is time for isn't waited for.
        client = self.client(max_retries=3, timeout=1)
        self.server.retry_after, self.server.faults_left = 3600, None
        began = time.monotonic()
        self.assertTrue(client.get_sync(SANITY).is_degraded)
        self.assertLess(time.monotonic() - began, 1)

    def test_an_old_answer_at_once_while_the_source_is_read(self):
        client = self.client(cache_ttl=0, stale_while_revalidate=60, timeout=5)
        client.get_sync(SANITY)
        self.server.delay = 0.5
        began = time.monotonic()
        self.assertEqual(client.get_sync(SANITY).source, "stale")
        self.assertLess(time.monotonic() - began, 0.4)
        deadline = time.monotonic() + 10
        while self.server.asked.count("/manifest.json") < 2:
            self.assertLess(time.monotonic(), deadline)
            # sleeps: nothing tells when the background has asked.
            time.sleep(0.01)

    def test_what_isnt_signed_by_the_key_is_never_used(self):
        other = KEY.rsplit("+", 1)[0] + "+" + "A" * 44
        with self.assertRaises(RegistryOptionError):
            self.client(key="no key")
        forged = self.scratch / "forged"
        shutil.copytree(SITE, forged)
        text = (forged / "manifest.json").read_text()
        (forged / "manifest.json").write_text(text.replace('"channel":"production"', '"channel":"productiom"'))
        for folder, key, expect in ((SITE, KEY, "source"), (forged, KEY, "degraded"), (forged, None, "source")):
            client = RegistryClient(folder, key=key, max_retries=1)
            self.assertEqual(client.get_sync(SANITY).source, expect, (folder, key, other))
        wrong = RegistryClient(SITE, key=KEY, channel="staging", max_retries=1)
        self.assertIn("channel", wrong.get_sync(SANITY)["reason"])

    def test_sources_are_asked_in_their_order(self):
        bad = SiteServer(str(SITE))
        self.addCleanup(bad.stop)
        bad.mood = "500"
        snapshot = Snapshot.read(SNAPSHOT)

        class Own:
            place = "my database"

            def fetch(self, path):
                file = SITE / path
                return file.read_bytes() if file.is_file() else None

        class Later(Own):
            async def fetch(self, path):
                await asyncio.sleep(0)
                return super().fetch(path)

        class Broken:
            def fetch(self, path):
                raise OSError("no database")

        for sources in (
            [bad.url, self.server.url], [SITE], [str(SITE)], [snapshot], [Own()], [Later()], [Broken(), Own()],
        ):
            client = RegistryClient(sources, key=KEY, max_retries=1)
            self.assertEqual(client.get_sync(SANITY).source, "source", sources)
            self.assertEqual(client.get_sync(SANITY)["provider_name"], "sanity")
        broken = RegistryClient(Broken(), max_retries=1).get_sync(SANITY)
        self.assertIn("no database", broken["reason"])
        with self.assertRaises(RegistryOptionError):
            RegistryClient(17)

    def test_errors_have_codes(self):
        client = self.client()
        with self.assertRaises(RegistryNotFoundError) as missing:
            client.get_provider_sync("cms", "ghost")
        self.assertEqual((missing.exception.code, missing.exception.path), ("not_found", "providers/cms/ghost.json"))
        asked = len(self.server.asked)
        for _ in range(10):
            with self.assertRaises(LookupError):
                client.get_provider_sync("cms", "ghost")
        self.assertEqual(len(self.server.asked), asked, "that there is none is known as well")
        with self.assertRaises(RegistryNotFoundError):
            asyncio.run(client.get_stack_metadata("ghost"))
        self.server.mood = "500"
        strict = self.client(fallback_enabled=False, fallback_data=OWN)
        for call in (strict.get_manifest_sync, strict.get_platform_metadata_sync, strict.get_all_providers_sync):
            with self.assertRaises(RegistryConnectionError) as dead:
                call()
            self.assertEqual(dead.exception.code, "unreachable")
        for options in ({"max_retries": 0}, {"timeout": -1}, {"cache_ttl": float("nan")}):
            with self.assertRaises(RegistryError) as wrong:
                self.client(**options)
            self.assertEqual(wrong.exception.code, "option_invalid")

    def test_platform_metadata_comes_from_the_registry_then_the_program_then_nowhere(self):
        stacks = {"stacks/templates/own.json": {"stack_type": "own"}}
        client = self.client()
        self.assertEqual(client.get_integration_status_sync(), {"metadata_source": "registry", "metadata_count": 15})
        self.server.mood = "500"
        for options, expect in (
            ({"fallback_data": stacks}, {"metadata_source": "embedded", "metadata_count": 1}),
            ({"snapshot": SNAPSHOT}, {"metadata_source": "embedded", "metadata_count": 15}),
            ({}, {"metadata_source": "none", "metadata_count": 0}),
        ):
            self.assertEqual(asyncio.run(self.client(**options).get_integration_status()), expect)
        own = self.client(fallback_data=stacks).get_stack_metadata_sync("own")
        self.assertEqual((own.source, own.age), ("embedded", None))

    def test_health_and_statistics_have_fixed_keys(self):
        client = self.client()
        client.get_all_providers_sync()
        client.get_sync(SANITY)
        self.assertLessEqual(
            {"status", "uptime_score", "consecutive_failures", "last_successful_fetch", "cache_hit_ratio",
             "average_response_time_ms"},
            set(client.get_health_status()),
        )
        stats = client.get_cache_stats()
        self.assertEqual(
            {"cache_entries", "fresh_entries", "stale_entries", "cache_hit_ratio", "cache_size_bytes",
             "oldest_entry_age_seconds", "cache_evictions"},
            set(stats),
        )
        self.assertEqual((stats["cache_entries"], stats["fresh_entries"]), (14, 14))
        client.clear_cache()
        self.assertEqual(client.get_cache_stats()["cache_entries"], 0)
        small = self.client(cache_bytes_max=4_000)
        small.get_all_providers_sync()
        small.get_sync(SANITY)
        small.get_sync(SANITY)
        stats = small.get_cache_stats()
        self.assertLessEqual(stats["cache_size_bytes"], 4_000)
        self.assertGreater(stats["cache_evictions"], 10)


if __name__ == "__main__":
    unittest.main()
