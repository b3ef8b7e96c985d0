"""What the tests share: a published site, its key, and the program that wrote it."""

import json
import os
import pathlib
import subprocess
import unittest

from site_server import SiteServer

MUSTER = os.environ["MUSTER"]
SITE = pathlib.Path(os.environ["SITE"])
KEY = os.environ["SITE_KEY"]
SNAPSHOT = os.environ["SITE_SNAPSHOT"]
BUNDLE = os.environ["SCHEMA_BUNDLE"]
SCRATCH = pathlib.Path(os.environ["SCRATCH"])

SANITY = "providers/cms/sanity.json"


def manifest():
    return json.loads((SITE / "manifest.json").read_bytes())


def muster(*arguments, **options):
    """Runs the program as a user does."""
    return subprocess.run(
        [MUSTER, *map(str, arguments)], check=True, capture_output=True, text=True, **options
    ).stdout


class SiteTest(unittest.TestCase):
    """A test with a server of the site."""

    def setUp(self):
        self.server = SiteServer(str(SITE))
        self.addCleanup(self.server.stop)
