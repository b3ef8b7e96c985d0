"""Payloads: checked, encrypted, and tried again."""

import asyncio
import json
import os
import stat
import tempfile
import threading
import unittest

from cryptography.fernet import Fernet

from muster_registry import (
    CircuitOpenError,
    EncryptionManager,
    RegistryDataError,
    RegistryEncryptionError,
    RegistryNotFoundError,
    RetryManager,
    Validator,
    get_encryption_manager,
    get_retry_manager,
)
from parts import BUNDLE, SANITY, SITE, muster

SCHEMA = "schemagroups/webstack/schemas/provider"


class Validation(unittest.TestCase):
    def test_payloads_are_checked_without_a_registry(self):
        with open(BUNDLE, "rb") as file:
            validators = [Validator(BUNDLE, precompile=True), Validator(file.read())]
        good = json.loads((SITE / SANITY).read_bytes())
        bad = {**good, "monthly_cost_range": "cheap"}
        for validator in validators:
            self.assertIn("/" + SCHEMA, validator.schemas)
            for payload, is_valid in ((good, True), (bad, False), ({}, False), ([], False)):
                checked = validator.validate(SCHEMA, payload)
                self.assertEqual(checked["valid"], is_valid, checked)
                self.assertEqual(bool(checked["errors"]), not is_valid)
                self.assertEqual((checked["schemaId"], checked["version"]), ("/" + SCHEMA, "1"))
            self.assertEqual(validator.validate(SCHEMA, bad)["errors"][0]["pointer"], "/monthly_cost_range")
            with self.assertRaises(RegistryNotFoundError):
                validator.validate("schemagroups/webstack/schemas/ghost", {})
        with self.assertRaises(RegistryDataError):
            Validator(b"{}")

    def test_threads_share_a_validator(self):
        validator, found = Validator(BUNDLE), []
        good = json.loads((SITE / SANITY).read_bytes())
        check = lambda: found.extend(validator.validate(SCHEMA, good)["valid"] for _ in range(20))
        threads = [threading.Thread(target=check) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [True] * 80)


class Encryption(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_others_read_what_it_writes_and_it_reads_what_they_write(self):
        manager, payload = EncryptionManager(self.folder.name), {"é": [1, 2.5, None], "b": {"c": "d" * 1_000}}
        token = manager.encrypt_dict(payload)
        self.assertEqual(stat.S_IMODE(manager.path.stat().st_mode), 0o600)
        key = manager.path.read_text().split()[0]
        self.assertEqual(json.loads(Fernet(key).decrypt(token)), payload)
        self.assertEqual(manager.decrypt_dict(Fernet(key).encrypt(b'{"a": 1}')), {"a": 1})
        told = muster("encryption", "decrypt", "-", "--data", self.folder.name, input=token)
        self.assertEqual(json.loads(told), payload)

    def test_a_rotated_key_still_reads(self):
        manager = get_encryption_manager(self.folder.name)
        self.assertIs(get_encryption_manager(self.folder.name), manager)
        other = EncryptionManager(self.folder.name)
        token = manager.encrypt_dict({"a": 1})
        manager.rotate()
        self.assertEqual((len(manager.keys_made), manager.is_rotation_due), (2, False))
        self.assertEqual(manager.decrypt_dict(token), {"a": 1})
        self.assertEqual(other.decrypt_dict(manager.encrypt_dict({"b": 2})), {"b": 2}, "read again")
        for wrong in ("", "no token", Fernet(Fernet.generate_key()).encrypt(b"{}")):
            with self.assertRaises(RegistryEncryptionError):
                manager.decrypt_dict(wrong)
        os.chmod(manager.path, 0o644)
        with self.assertRaises(RegistryEncryptionError):
            EncryptionManager(self.folder.name)


class Retries(unittest.TestCase):
    def manager(self, **options):
        return RetryManager(**{"backoff_seconds": 0.001, "jitter_seconds": 0, **options})

    def test_it_tries_again_until_it_works(self):
        calls = []

        async def works_at_third(payload):
            calls.append(payload)
            if len(calls) < 3:
                raise OSError("not yet")
            return "done"

        manager = self.manager()
        self.assertEqual(asyncio.run(manager.execute_with_retry(works_at_third, "one", {"a": 1})), "done")
        self.assertEqual(calls, [{"a": 1}] * 3)
        self.assertEqual(asyncio.run(manager.execute_with_retry(len, "two", "abc")), 3)
        self.assertFalse(manager.circuit_open)

    def test_the_circuit_opens_and_closes(self):
        calls = []

        def fails(payload):
            calls.append(payload)
            raise OSError("never")

        manager = self.manager(max_retries=2, failure_threshold=4)
        run = lambda: asyncio.run(manager.execute_with_retry(fails, "one", 1))
        for _ in range(2):
            self.assertRaises(OSError, run)
        self.assertTrue(manager.circuit_open)
        with self.assertRaises(CircuitOpenError) as refused:
            run()
        self.assertEqual((len(calls), refused.exception.code), (4, "circuit_open"))
        manager.circuit_open = False
        self.assertRaises(OSError, run)
        manager.circuit_open = True
        self.assertRaises(CircuitOpenError, run)
        # After a while one call is tried; it fails, and the circuit is open again.
        manager.reset_seconds = 0
        calls.clear()
        self.assertRaises(OSError, run)
        manager.reset_seconds = 60
        self.assertTrue(manager.circuit_open)
        manager.reset_seconds = 0
        self.assertEqual(asyncio.run(manager.execute_with_retry(len, "one", "ab")), 2)
        manager.reset_seconds = 60
        self.assertFalse(manager.circuit_open)
        self.assertIs(get_retry_manager(), get_retry_manager())


if __name__ == "__main__":
    unittest.main()
