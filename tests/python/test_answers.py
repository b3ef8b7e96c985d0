"""What an answer is."""

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import threading
import time
import os
import unittest

from muster_registry import Answer, Provider, RegistryClient, RegistryDataError, Stack
from parts import KEY, SANITY, SITE, SiteTest, manifest


class Answers(SiteTest):
    def client(self, **options):
        return RegistryClient(self.server.url, **{"key": KEY, **options})

    def test_all_documents_are_what_was_published(self):
        client = self.client()
        found = client.get_all_providers_sync()
        stacks = client.get_platform_metadata_sync()
        self.assertEqual((len(found), len(stacks)), (14, 15))
        for name, answer in found.items():
            self.assertEqual(answer, json.loads((SITE / f"providers/{name}.json").read_bytes()), name)
            self.assertEqual(answer.version, "1")
        for name, answer in stacks.items():
            self.assertEqual(answer["stack_type"], name)
            self.assertEqual(client.get_stack_metadata_sync(name), answer)
            self.assertIs(client.get_stack_metadata_sync(name), client.get_stack_metadata_sync(name))
        self.assertEqual(set(client.get_all_providers_sync("ssg")), {n for n in found if n.startswith("ssg/")})
        many = client.get_many_sync([SANITY, "stacks/templates/hugo_template.json"])
        self.assertEqual(many[SANITY], found["cms/sanity"])

    def test_an_answer_is_a_dictionary_that_says_where_it_comes_from(self):
        client = self.client()
        first, again = client.get_provider_sync("cms", "sanity"), client.get_provider_sync("cms", "sanity")
        self.assertEqual((first.source, again.source, first.version), ("source", "fresh", "1"))
        self.assertIs(client.get_provider_sync("cms", "sanity"), again)
        self.assertTrue(isinstance(first, dict) and isinstance(first, Answer))
        self.assertEqual(json.loads(json.dumps(first)), first)
        self.assertEqual(first, dict(first))
        self.assertTrue(0 <= again.age < 60)
        self.assertIn("fresh", repr(again))
        self.assertIs(type(first["setup_cost_range"][0]), int)

    def test_nobody_can_change_what_others_read(self):
        answer = self.client().get_provider_sync("cms", "sanity")
        before = json.dumps(answer)
        for change in (
            lambda: answer.__setitem__("a", 1),
            lambda: answer.pop("tier_name"),
            lambda: answer.update(a=1),
            lambda: answer.setdefault("a", 1),
            lambda: answer.clear(),
            lambda: answer.popitem(),
            lambda: answer.__delitem__("tier_name"),
            lambda: answer.__ior__({"a": 1}),
            lambda: answer["key_features"].append("a"),
            lambda: answer["key_features"].sort(),
            lambda: answer["key_features"].__setitem__(0, "a"),
            lambda: answer["key_features"].__iadd__(["a"]),
            lambda: answer["documentation"].__setitem__("a", 1),
            lambda: setattr(answer, "source", "a"),
        ):
            with self.assertRaises(TypeError):
                change()
        self.assertEqual(json.dumps(answer), before)
        for own in (answer.copy(), copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
            self.assertIs(type(own), dict)
            own["documentation"]["a"] = own["key_features"].append("a")
        self.assertEqual(json.dumps(answer), before)

    def test_documents_are_types_too(self):
        client = self.client()
        provider, stack = client.provider_sync("cms", "sanity"), client.stack_sync("hugo_template")
        self.assertIsInstance(provider, Provider)
        self.assertEqual(provider.provider_name, "sanity")
        self.assertEqual(provider.monthly_cost_range, (65, 280))
        self.assertEqual(provider.others["cms_type"], "api_based")
        self.assertEqual((provider.source, provider.version), ("fresh", "1") if provider.source == "fresh" else ("source", "1"))
        self.assertIsInstance(stack, Stack)
        self.assertEqual(stack.stack_type, "hugo_template")
        with self.assertRaises(RegistryDataError):
            Provider.of({"status": "degraded"})

    def test_names_resolve_in_any_spelling_and_category(self):
        client = self.client()
        document = client.get_stack_metadata_sync("hugo_template")
        self.assertEqual(client.get_stack_metadata_sync("hugo-template"), document)
        self.assertEqual(client.get_cms_provider_sync("sanity")["provider_name"], "sanity")
        self.assertEqual(asyncio.run(client.get_ecommerce_provider("snipcart"))["provider_type"], "ecommerce")
        with self.assertRaises(AttributeError):
            client.get_nothing

    def test_asyncio_asks_once_and_answers_the_same(self):
        client = self.client()

        async def read():
            all_of_them = await asyncio.gather(*(client.get_provider("cms", "sanity") for _ in range(50)))
            lost = asyncio.ensure_future(client.get_provider("cms", "decap"))
            await asyncio.sleep(0)
            lost.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await lost
            return all_of_them + [await client.get_stack_metadata("hugo_template"), await client.get_manifest()]

        answers = asyncio.run(read())
        self.assertTrue(all(answer == answers[0] for answer in answers[:50]))
        self.assertEqual(answers[-1]["files"], manifest()["files"])
        digest = manifest()["files"][SANITY]["sha256"]
        self.assertEqual(self.server.asked.count(f"/objects/sha256/{digest}"), 1)

        async def at_once():
            # What is fresh needs no turn of the loop.
            reading = client.get_provider("cms", "sanity")
            try:
                reading.send(None)
            except StopIteration as answer:
                return answer.value

        self.assertEqual(asyncio.run(at_once()).source, "fresh")

    def test_threads_ask_once(self):
        self.server.delay = 0.05
        client, found = self.client(), []
        threads = [
            threading.Thread(target=lambda: found.append(client.get_provider_sync("cms", "sanity")))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(found), len(self.server.asked)), (8, 2))

    def test_a_manifest_that_is_the_same_isnt_sent_again(self):
        client = self.client(cache_ttl=0)
        for _ in range(3):
            self.assertEqual(client.get_provider_sync("cms", "sanity").source, "source")
        self.assertEqual((self.server.asked.count("/manifest.json"), self.server.unmodified), (3, 2))

    def test_a_forked_process_reads_on_its_own(self):
        client = self.client(cache_ttl=0)
        client.get_provider_sync("cms", "sanity")
        child = os.fork()
        if child == 0:
            answer = client.get_provider_sync("cms", "sanity")
            os._exit(0 if answer.source == "source" else 1)
        deadline = time.monotonic() + 20
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > deadline:
                os.kill(child, 9)
                self.fail("the child hangs")
            # sleeps: there is no event for a child's end.
            time.sleep(0.01)
        self.assertEqual(status, 0)
        self.assertEqual(client.get_provider_sync("cms", "decap").source, "source")

    def test_ctrl_c_ends_a_waiting_call(self):
        self.server.mood = "slow"
        program = (
            "import sys\nfrom muster_registry import RegistryClient\nprint('go', flush=True)\n"
            "try:\n    RegistryClient(sys.argv[1], timeout=30).get_manifest_sync()\n"
            "except KeyboardInterrupt:\n    sys.exit(7)"
        )
        running = subprocess.Popen([sys.executable, "-c", program, self.server.url], stdout=subprocess.PIPE)
        running.stdout.readline()
        while not self.server.asked:
            # sleeps: the other process says nothing when it asks.
            time.sleep(0.01)
        began = time.monotonic()
        running.send_signal(2)
        self.assertEqual(running.wait(10), 7)
        self.assertLess(time.monotonic() - began, 2)
        running.stdout.close()


if __name__ == "__main__":
    unittest.main()
