"""What is told: events, logs, and the environment."""

import asyncio
import json
import logging
import os
import queue
import time
import unittest
from unittest import mock

import muster_registry
from muster_registry import RegistryClient, S3ProviderRegistry
from parts import KEY, SANITY, SITE, SiteTest, muster


def publish_price(price):
    """Changes a document in the registry, and publishes it."""
    document = json.loads(muster("get", "providers/cms/entries/sanity"))
    document["monthly_cost_range"] = [price, 280]
    muster("put", "providers/cms/entries/sanity", "-", input=json.dumps(document))
    muster("publish", "--to", SITE)


class Events(SiteTest):
    def test_a_change_is_told_with_its_fields(self):
        client = RegistryClient(self.server.url, key=KEY)
        told = [queue.Queue(), queue.Queue()]
        stops = [client.on_change(one.put, interval=0.02) for one in told]
        publish_price(70)
        for one in told:
            event = one.get(timeout=20)
            self.assertEqual((event["type"], event["path"], event["topic"]), ("provider_updated", SANITY, "registry-events"))
            change = {"pointer": "/monthly_cost_range/0", "before": 65, "after": 70}
            self.assertEqual(event["changes"], [change])
            self.assertEqual(event["version"], "2")
            self.assertTrue(event["timestamp"].endswith("Z"))
        self.assertEqual(client.get_sync(SANITY)["monthly_cost_range"], [70, 280])
        stops[0]()
        stops[1]()

        async def first():
            async for event in client.changes(interval=0.02):
                return event

        async def follow():
            following = asyncio.ensure_future(first())
            await asyncio.sleep(0.2)
            await asyncio.get_running_loop().run_in_executor(None, publish_price, 65)
            return await asyncio.wait_for(following, 20)

        self.assertEqual(asyncio.run(follow())["changes"][0]["after"], 65)

    def test_each_access_is_told(self):
        client, events = RegistryClient(self.server.url, key=KEY, max_retries=1, cache_ttl=300), []
        stop = client.on_access(events.append)
        for _ in range(2):
            client.get_stack_metadata_sync("hugo_template")
        asyncio.run(client.get_provider("cms", "sanity"))
        self.server.mood = "500"
        dead = RegistryClient(
            self.server.url, max_retries=1, fallback_data={"stacks/a/b.json": {"stack_type": "b"}}
        )
        dead.on_access(events.append)
        dead.on_access(lambda event: 1 / 0)
        with self.assertLogs("muster_registry", logging.ERROR):
            dead.get_stack_metadata_sync("b")
        stop()
        client.get_stack_metadata_sync("hugo_template")
        self.assertEqual(
            [(event["type"], event["source"], event["tier"]) for event in events],
            [
                ("registry.stack_access", "registry", "source"),
                ("registry.stack_access", "registry", "fresh"),
                ("registry.document_access", "registry", "source"),
                ("registry.stack_access", "fallback", "embedded"),
            ],
        )
        self.assertEqual(events[0]["stack_type"], "hugo_template")

    def test_the_log_has_the_fields(self):
        client = RegistryClient(self.server.url, key=KEY, max_retries=1)
        with self.assertLogs("muster_registry", logging.DEBUG) as logged:
            client.get_stack_metadata_sync("hugo_template")
            client.get_stack_metadata_sync("hugo_template")
        found = [
            (one.component, one.operation, one.stack_type, one.source, one.cache_hit) for one in logged.records
        ]
        expect = ("registry_client", "get_stack_metadata", "hugo_template")
        self.assertEqual(found, [(*expect, "source", False), (*expect, "fresh", True)])
        self.assertGreater(logged.records[0].duration_ms, 0)
        self.server.mood = "500"
        dead = RegistryClient(self.server.url, max_retries=1)
        with self.assertLogs("muster_registry", logging.DEBUG) as logged:
            for _ in range(3):
                dead.get_manifest_sync()
        levels = [one.levelname for one in logged.records]
        self.assertEqual(levels, ["WARNING", "DEBUG", "DEBUG"])
        self.assertIn("500", logged.records[0].getMessage())

    def test_an_old_answer_of_a_site_that_is_well_is_no_fallback(self):
        tiers = []
        client = RegistryClient(self.server.url, max_retries=1, cache_ttl=0, stale_while_revalidate=60)
        client.on_access(lambda event: tiers.append((event["tier"], event["source"])))
        client.get_sync(SANITY)
        with self.assertLogs("muster_registry", logging.DEBUG) as logged:
            client.get_sync(SANITY)
        self.assertEqual([one.levelname for one in logged.records], ["DEBUG"])
        # While the site can't be read, the same answer is one.
        self.server.mood = "500"
        deadline = time.monotonic() + 10
        with self.assertLogs("muster_registry", logging.DEBUG) as logged:
            while not logged.records or logged.records[-1].levelname != "WARNING":
                self.assertLess(time.monotonic(), deadline)
                # sleeps: nothing tells when the background has asked.
                time.sleep(0.01)
                client.get_sync(SANITY)
            client.get_sync(SANITY)
        self.assertEqual([one.levelname for one in logged.records[-2:]], ["WARNING", "DEBUG"])
        self.assertIn("500", logged.records[-2].getMessage())
        self.assertEqual(tiers[:2], [("source", "registry"), ("stale", "registry")])
        self.assertEqual(tiers[-1], ("stale", "fallback"))

    def test_the_environment_names_the_source_and_the_limits(self):
        names = {
            "SHOP_REGISTRY_URL": self.server.url,
            "SHOP_REGISTRY_KEY": KEY,
            "SHOP_REGISTRY_CACHE_TTL": "1.5",
            "SHOP_REGISTRY_MAX_RETRIES": "1",
            "SHOP_REGISTRY_TIMEOUT": "0.5",
        }
        with mock.patch.dict(os.environ, names):
            self.assertEqual(RegistryClient.from_env("SHOP").get_sync(SANITY).source, "source")
            os.environ["USE_REGISTRY"] = "false"
            asked = len(self.server.asked)
            off = RegistryClient.from_env("SHOP", fallback_data={SANITY: {"a": 1}})
            self.assertEqual(off.get_sync(SANITY).source, "embedded")
            self.assertEqual(len(self.server.asked), asked)
            os.environ["SHOP_REGISTRY_TIMEOUT"] = "soon"
            with self.assertRaises(ValueError):
                RegistryClient.from_env("SHOP")
        with mock.patch.dict(os.environ, {"MUSTER_REGISTRY_URL": self.server.url}):
            self.assertEqual(muster_registry.default_registry.get_sync(SANITY).source, "source")
            self.assertIs(muster_registry.default_registry, muster_registry.default_registry)
        older = S3ProviderRegistry(cloudfront_url=self.server.url)
        self.assertEqual(asyncio.run(older.get_provider("cms", "sanity")).source, "source")


if __name__ == "__main__":
    unittest.main()
