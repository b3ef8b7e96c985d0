"""The validator with a registry, local schemas and bundles as its sources."""

import asyncio
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from muster_registry import (
    RegistryConnectionError,
    RegistryDataError,
    RegistryNotFoundError,
    RegistryOptionError,
    Validator,
)
from parts import BUNDLE, MUSTER, SANITY, SCRATCH, SITE, muster

SERVER = os.environ["MUSTER_SERVER"]
PROVIDER = "schemagroups/webstack/schemas/provider"


class Registry:
    """A server of its own, which can be stopped and started again at its address."""

    def __init__(self, data):
        self.data, self.process = data, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            [MUSTER, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"HOME": str(SCRATCH), "PATH": os.environ["PATH"]},
        )
        for line in self.process.stdout:
            if "API " in line:
                return self
        raise AssertionError("the server doesn't start")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.stdout.read()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def register(self, name, schema, schema_format, references=()):
        body = {
            "format": schema_format,
            "contenttype": "text/plain" if schema_format == "protobuf" else "application/json",
            "schema": None,
            "references": list(references),
        }
        text = schema if isinstance(schema, str) else json.dumps(schema)
        import base64

        body.pop("schema")
        body["schemabase64"] = base64.b64encode(text.encode()).decode()
        request = urllib.request.Request(
            f"{self.url}/api/schemagroups/shop/schemas/{name}/versions", method="POST",
            data=json.dumps({self.next_version(name): body}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            answer.read()

    def next_version(self, name):
        try:
            with urllib.request.urlopen(f"{self.url}/api/schemagroups/shop/schemas/{name}/versions") as answer:
                return str(len(json.load(answer)) + 1)
        except urllib.error.HTTPError:
            return "1"


class WithRegistry(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.registry = Registry(self.folder / "data").start()
        self.addCleanup(self.registry.stop)

    def until(self, holds, seconds=20):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, "it never came true")
            # sleeps: what is waited for happens in the background and tells nobody.
            time.sleep(0.02)

    def test_schemas_come_from_the_registry_and_are_refreshed(self):
        order = "schemagroups/shop/schemas/order"
        self.registry.register("order", {"type": "object", "required": ["id"]}, "jsonschema")
        validator = Validator(registry={"url": self.registry.url, "cache_ttl": 0.2})
        self.assertEqual(
            validator.validate(order, {"id": 1}),
            {"valid": True, "errors": [], "schemaId": "/" + order, "version": "1"},
        )
        refused = validator.validate(order, {})
        self.assertFalse(refused["valid"])
        self.assertEqual(
            {"pointer", "keyword", "severity", "message"}, set(refused["errors"][0]), refused
        )
        self.registry.register("order", {"type": "object", "required": ["total"]}, "jsonschema")
        self.until(lambda: validator.validate(order, {"total": 1})["version"] == "2")
        self.assertTrue(validator.validate(order, {"total": 1})["valid"])
        pinned = validator.validate(order + "/versions/1", {"id": 1})
        self.assertEqual((pinned["valid"], pinned["version"]), (True, "1"))
        self.registry.stop()
        # sleeps: the schema's time ends.
        time.sleep(0.3)
        for _ in range(3):
            self.assertEqual(validator.validate(order, {"total": 1})["version"], "2", "it goes on")
        self.assertGreater(validator.get_status()["sources"][0]["consecutive_failures"], 0)
        with self.assertRaises(RegistryConnectionError):
            validator.validate("schemagroups/shop/schemas/other", {})
        self.registry.start()
        self.registry.register("order", {"type": "object", "required": ["sum"]}, "jsonschema")
        self.until(lambda: validator.validate(order, {"sum": 1})["version"] == "3")
        self.assertEqual(validator.get_status()["sources"][0]["consecutive_failures"], 0)

    def test_what_schemas_refer_to_comes_with_them_in_every_format(self):
        put = self.registry.register
        refers = lambda name, subject: [{"name": name, "subject": subject, "version": 1}]
        put("address", {"$id": "https://shop.example/address", "required": ["city"]}, "jsonschema")
        put("customer", {"properties": {"at": {"$ref": "https://shop.example/address"}}}, "jsonschema")
        put("beside", {"properties": {"at": {"$ref": "address"}}}, "jsonschema")
        put("id", {"type": "fixed", "name": "Id", "size": 2}, "avro")
        put("ids", {"type": "array", "items": "Id"}, "avro", refers("Id", "id"))
        put("money", 'syntax = "proto3"; message M { int64 cents = 1; }', "protobuf")
        put(
            "paid", 'syntax = "proto3"; import "m.proto"; message N {} message P { M total = 1; }',
            "protobuf", refers("m.proto", "money"),
        )
        group = "schemagroups/shop/schemas/"
        validator = Validator(
            registry=self.registry.url, schema_source="remote", performance={"lazy_load": False}
        )
        self.assertEqual(validator.get_status()["schemas"], 7)
        for name, message, good, bad in (
            ("customer", None, {"at": {"city": "x"}}, {"at": {}}),
            ("beside", None, {"at": {"city": "x"}}, {"at": {}}),
            ("ids", None, ["ab"], ["abc"]),
            ("ids", None, b"\x02ab\x00", b"\x02a"),
            ("paid", "P", {"total": {"cents": "5"}}, {"total": {"cents": True}}),
            ("paid", "P", b"\x0a\x02\x08\x05", b"\x0a\x03\x08\x05"),
        ):
            self.assertTrue(validator.validate(group + name, good, message=message)["valid"], name)
            self.assertFalse(validator.validate(group + name, bad, message=message)["valid"], name)
        framed = b"\x00\x00\x00\x00\x01\x02ab\x00"
        self.assertTrue(validator.validate(group + "ids", framed, framed=True)["valid"])
        self.assertFalse(validator.validate(group + "ids", framed)["valid"])
        self.assertFalse(validator.validate_json(group + "ids", '["abc"]')["valid"])
        with self.assertRaises(RegistryDataError):
            validator.validate(group + "paid", {}, message="Ghost")
        bundle = self.folder / "shop.bundle"
        muster("schema", "bundle", group + "*", "--to", bundle, "--server", self.registry.url)
        self.registry.stop()
        offline = Validator(bundle, registry=self.registry.url, performance={"cache_size": 2})
        for name in ("customer", "ids", "address"):
            offline.validate(group + name, {})
        self.assertEqual(offline.get_status()["schemas"], 2)
        self.assertTrue(offline.validate(group + "customer", {"at": {"city": "x"}})["valid"])

    def test_it_waits_for_others_and_many_threads_fetch_once(self):
        self.registry.register("order", {"type": "integer"}, "jsonschema")
        validator, found = Validator(registry=self.registry.url), []
        order = "schemagroups/shop/schemas/order"

        async def both():
            return await asyncio.gather(
                *(validator.validate_async(order, payload) for payload in (1, "x", b"1"))
            )

        self.assertEqual([one["valid"] for one in asyncio.run(both())], [True, False, True])
        with self.assertRaises(RegistryNotFoundError):
            asyncio.run(validator.validate_async("schemagroups/shop/schemas/ghost", 1))
        check = lambda: found.extend(validator.validate(order, 1)["valid"] for _ in range(50))
        threads = [threading.Thread(target=check) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [True] * 200)

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
    def test_a_forked_process_goes_on(self):
        self.registry.register("order", {"type": "integer"}, "jsonschema")
        validator = Validator(registry=self.registry.url)
        order = "schemagroups/shop/schemas/order"
        self.assertTrue(validator.validate(order, 1)["valid"])
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if not validator.validate(order, "x")["valid"] else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(validator.validate(order, 1)["valid"])


class WithKeysAndSites(unittest.TestCase):
    def test_a_published_site_is_a_source(self):
        with tempfile.TemporaryDirectory() as folder:
            site = pathlib.Path(folder) / "site"
            muster(
                "publish", "--to", site, "--collections", "schemagroups", "--server", SERVER,
                env={"HOME": str(SCRATCH), "PATH": os.environ["PATH"]},
            )
            key = muster(
                "keys", "site", "--server", SERVER,
                env={"HOME": str(SCRATCH), "PATH": os.environ["PATH"]},
            ).strip()
            validator = Validator(registry={"url": str(site), "site": True, "key": key})
            self.assertIn("/" + PROVIDER, validator.schemas)
            good = json.loads((SITE / SANITY).read_bytes())
            self.assertTrue(validator.validate(PROVIDER, good)["valid"])
            self.assertFalse(validator.validate(PROVIDER, {})["valid"])
            for file in site.rglob("*"):
                if file.is_file() and file.name != "manifest.json":
                    file.write_bytes(b"{}")
            other = Validator(registry={"url": str(site), "site": True, "key": key})
            with self.assertRaises(RegistryConnectionError):
                other.validate(PROVIDER, good)


class WithoutRegistry(unittest.TestCase):
    def test_local_schemas_come_before_others(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "size.json").write_text('{"type": "integer"}')
            pathlib.Path(folder, "sizes.json").write_text('{"items": {"$ref": "size.json"}}')
            for validator in (
                Validator(local_schemas=folder),
                Validator(local_schemas=pathlib.Path(folder), performance={"precompile_schemas": ["sizes"]}),
            ):
                self.assertTrue(validator.validate("sizes", [1])["valid"])
                refused = validator.validate("sizes", [1, "x"])
                self.assertEqual(refused["errors"][0]["pointer"], "/1")
                self.assertEqual(refused["schemaId"], "/schemagroups/local/schemas/sizes")
        stricter = {PROVIDER: {"type": "object", "required": ["owner"]}}
        for source, is_valid in ((None, False), ("hybrid", False), (["embedded", "local"], True)):
            validator = Validator(BUNDLE, local_schemas=stricter, schema_source=source)
            good = json.loads((SITE / SANITY).read_bytes())
            self.assertEqual(validator.validate(PROVIDER, good)["valid"], is_valid, source)

    def test_options_that_cannot_be_used_are_refused(self):
        for options in (
            {},
            {"schema_source": "remote", "local_schemas": {}},
            {"local_schemas": {"a": 5}},
            {"local_schemas": "/no/such/folder"},
            {"registry": {"url": "ftp://x"}},
            {"registry": {"address": "http://x"}},
            {"bundle": "/no/such/file"},
        ):
            with self.assertRaises(RegistryOptionError, msg=str(options)):
                Validator(**options)
        with self.assertRaises(RegistryOptionError):
            Validator(BUNDLE).validate("schemagroups/shop", {})


if __name__ == "__main__":
    unittest.main()
