"""What README.md prints for Python, as it stands there."""

import pathlib
import re
import socket
import subprocess
import sys
import time
import unittest

from parts import SITE

README = pathlib.Path(__file__).parents[2] / "README.md"


class Tour(unittest.TestCase):
    def test_three_lines_read_a_site_behind_any_static_server(self):
        page = README.read_text()
        lines = re.search(r"```python\n(.*?)```", page, re.S).group(1)
        self.assertEqual(len(lines.splitlines()), 3)
        served = re.search(r"python3 (-m http.server (\d+) .*)", page)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        arguments = served.group(1).replace(served.group(2), port).split()
        server = subprocess.Popen(
            [sys.executable, *arguments], cwd=SITE.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(500):
                try:
                    socket.create_connection(("127.0.0.1", int(port))).close()
                    break
                except OSError:
                    # sleeps: the server says nothing that could be waited for.
                    time.sleep(0.02)
            told = subprocess.run(
                [sys.executable, "-c", lines.replace(served.group(2), port)], capture_output=True, text=True
            )
        finally:
            server.kill()
            server.wait()
        self.assertEqual((told.stdout, told.stderr), ("[65, 280]\n", ""))


if __name__ == "__main__":
    unittest.main()
