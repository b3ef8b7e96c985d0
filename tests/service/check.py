"""Checks the server as a long-running service: check.py MUSTER SCRATCH DEPLOY."""

import json
import os
import plistlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

MUSTER = Path(sys.argv[1]).resolve()
SCRATCH = Path(sys.argv[2]).resolve()
DEPLOY = Path(sys.argv[3]).resolve()

PATIENCE_S = 60

# Writes while the log is rotated: more lines than fit into one buffer of anything.
WRITES = 3_000
ROTATIONS = 3


def left_out(what, why):
    print(f"left out: {what}, because {why}")


def ok(what):
    print(f"ok: {what}", flush=True)


def environment(**more):
    """The environment of a program: nothing of the developer's."""
    return {"PATH": os.environ["PATH"], "HOME": str(SCRATCH), **more}


def muster(*arguments, code=0, **more):
    """What the program prints."""
    done = subprocess.run(
        [MUSTER, *arguments], env=environment(**more), cwd=SCRATCH, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE_S,
    )
    assert done.returncode == code, f"muster {arguments}: {done.returncode}: {done.stderr}"
    return done.stdout if code == 0 else done.stderr


def wait_for(what, condition):
    """Waits until a condition holds, and answers what it answers."""
    until = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"{what} took too long"
        time.sleep(0.02)
    return found


class Supervisor:
    """Hears what a server tells over its socket."""

    def __init__(self, name):
        path = SCRATCH / name
        path.unlink(missing_ok=True)
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE_S)

    def until(self, word):
        """What is told up to a message that holds a word."""
        heard = []
        while True:
            heard.append(self.socket.recv(4096).decode())
            if word in heard[-1].splitlines():
                return heard


class Server:
    """A server with a data directory."""

    def __init__(self, data, *flags, before=(), **more):
        self.data = SCRATCH / data
        self.is_traced = bool(before)
        self.errors = open(SCRATCH / f"{data}.errors", "a+", encoding="utf-8")
        self.process = subprocess.Popen(
            [*before, MUSTER, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *flags],
            env=environment(**more), cwd=SCRATCH, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.errors,
        )
        self.url = wait_for("the start", self.address)

    def address(self):
        """Its URL, once it answers there."""
        assert self.process.poll() is None, Path(self.errors.name).read_text()
        try:
            lock = json.loads((self.data / "lock").read_text() or "{}")
        except (OSError, ValueError):
            return None
        is_own = self.is_traced or lock.get("process") == self.process.pid
        url = lock.get("address") if is_own else None
        try:
            return url if url and urllib.request.urlopen(f"{url}/health/ready").status == 200 else None
        except urllib.error.URLError:
            return None

    def put(self, number, name="first"):
        """Writes a document; the write has a line in the log with this request's id."""
        body = json.dumps({"number": number}).encode()
        request = urllib.request.Request(
            f"{self.url}/api/configs/app/entries/{name}", data=body, method="PUT",
            headers={"content-type": "application/json", "x-request-id": f"write-{number}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status in (200, 201), answer.status

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        assert self.process.wait(PATIENCE_S) == 0, Path(self.errors.name).read_text()


def check_units():
    """What is printed is what deploy/ holds, and others' programs read it."""
    config = SCRATCH / "muster.toml"
    config.write_text("")
    flags = ["service", "install", "--print", "--scope", "system", "--program", "/usr/local/bin/muster"]
    system = [*flags, "--supervisor", "systemd", "--data", "/var/lib/muster", "--config", str(config)]
    unit = muster(*system)
    kept = (DEPLOY / "systemd/muster.service").read_text()
    assert unit.replace(str(config), "/etc/muster/muster.toml") == kept, unit
    ok("deploy/systemd is what muster service install --print prints")

    launchd = [*flags, "--supervisor", "launchd", "--run-as", "_muster", "--data", "/usr/local/var/muster"]
    plist = muster(*launchd, "--config", str(config))
    kept = (DEPLOY / "launchd/local.muster.plist").read_text()
    assert plist.replace(str(config), "/usr/local/etc/muster/muster.toml") == kept, plist
    read = plistlib.loads(kept.encode())
    assert read["Label"] == "local.muster" and read["RunAtLoad"] is True, read
    assert read["KeepAlive"] == {"SuccessfulExit": False} and read["Umask"] == 0o077, read
    assert read["UserName"] == "_muster" and read["ExitTimeOut"] > 25, read
    assert read["ProgramArguments"][:2] == ["/usr/local/bin/muster", "serve"], read
    assert read["SoftResourceLimits"]["NumberOfFiles"] == 65536, read
    # What it starts is a command that the program takes.
    muster(*read["ProgramArguments"][1:2], "--help")
    odd = muster(*flags, "--supervisor", "launchd", "--data", "/srv/R&D <registry>")
    assert "/srv/R&D <registry>" in plistlib.loads(odd.encode())["ProgramArguments"], odd
    ok("deploy/launchd is what it prints, and Python's plistlib reads it")

    if not shutil.which("systemd-analyze"):
        left_out("systemd-analyze verify", "systemd is not installed (--install)")
        return
    # The program of a unit must be there for `verify`.
    there = [str(MUSTER) if part == "/usr/local/bin/muster" else part for part in system]
    folder = SCRATCH / "units"
    folder.mkdir(exist_ok=True)
    user = ["service", "install", "--print", "--scope", "user", "--supervisor", "systemd"]
    odd = ["--data", "/srv/my 50% $registry", "--listen", "127.0.0.1:443"]
    for name, arguments in [
        ("muster", there),
        ("odd", ["service", "install", "--print", "--scope", "system", "--supervisor", "systemd", *odd]),
        ("session", [*user, "--data", str(SCRATCH / "session")]),
    ]:
        file = folder / f"{name}.service"
        file.write_text(muster(*arguments).replace("man:muster(1)", "https://example.com"))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True, timeout=PATIENCE_S
        )
        said = [line for line in done.stderr.splitlines() if f"{name}.service" in line]
        assert done.returncode == 0 and not said, f"{name}: {done.stderr}"
    # A mistake must be noticed.
    wrong = folder / "wrong.service"
    wrong.write_text((folder / "muster.service").read_text().replace("Type=notify", "Type=notfy"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(wrong)], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert "notfy" in done.stderr, done.stderr
    ok("systemd-analyze verify has nothing to say of the units")
    check_exposure(folder / "muster.service")


def check_exposure(unit):
    """How exposed systemd finds the unit: 10 is everything, 0 is nothing."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(unit)],
        capture_output=True, text=True, timeout=PATIENCE_S,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert done.returncode == 0 and found and float(found[1]) < 3.0, done.stdout + done.stderr
    ok(f"systemd-analyze security: {found[1]} of 10")


def allowed_calls(name):
    """The system calls that a set of systemd's holds."""
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    found = set()
    for line in done.stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= allowed_calls(word) if word.startswith("@") else {word}
    return found


def check_system_calls():
    """Everything that a server asks of the kernel is in the set that the unit allows."""
    if not shutil.which("strace") or not shutil.which("systemd-analyze"):
        left_out("the system calls of a server", "strace or systemd is not installed (--install)")
        return
    trace = SCRATCH / "calls"
    flags = ["--metrics-file", "metrics/registry.metrics", "--log-file", "logs/registry.log", "--demo"]
    server = Server("traced", *flags, before=["strace", "--follow-forks", "--quiet=all", f"--output={trace}"])
    file = server.data / "metrics/registry.metrics"
    server.put(1)
    wait_for("the file of metrics", file.exists)
    server_process = int(json.loads((server.data / "lock").read_text())["process"])
    os.kill(server_process, signal.SIGHUP)
    muster("backup", str(SCRATCH / "traced.backup"), "--server", server.url)
    os.kill(server_process, signal.SIGTERM)
    assert server.process.wait(PATIENCE_S) == 0, Path(server.errors.name).read_text()
    found = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", trace.read_text(), re.MULTILINE))
    assert {"openat", "fsync", "epoll_wait", "rename"} & found, found
    # The program itself is started by systemd.
    beyond = found - allowed_calls("@system-service") - {"execve"}
    assert not beyond, f"the unit's SystemCallFilter forbids {sorted(beyond)}"
    families = set(re.findall(r"socket\((AF_\w+)", trace.read_text()))
    assert families <= {"AF_INET", "AF_INET6", "AF_UNIX"}, f"RestrictAddressFamilies forbids {families}"
    # What MemoryDenyWriteExecute forbids: memory that is both, and memory that becomes executable.
    for line in trace.read_text().splitlines():
        both = "mmap(" in line and "PROT_WRITE" in line and "PROT_EXEC" in line
        assert not both and not ("mprotect(" in line and "PROT_EXEC" in line), line
    ok(f"all {len(found)} system calls of a server are in @system-service, and it makes no code")


def check_refusals():
    """Each way in which nothing is installed says what to do next."""
    flags = ["--scope", "user", "--supervisor", "systemd"]
    said = muster("service", "uninstall", "--yes", *flags, code=1)
    assert "[not_installed]" in said and "help:" in said, said
    told = json.loads(muster("service", "status", *flags, "--output", "json"))
    assert told["installed"] is False and told["running"] is False, told
    empty = SCRATCH / "empty"
    empty.mkdir(exist_ok=True)
    said = muster("service", "install", *flags, "--data", str(SCRATCH / "x"), code=1, PATH=str(empty))
    assert "[supervisor_missing]" in said and "--print" in said, said
    assert not (SCRATCH / ".config/systemd/user/muster.service").exists()
    # Nothing answers there, so systemctl itself refuses.
    if shutil.which("systemctl"):
        said = muster("service", "install", *flags, "--data", str(SCRATCH / "x"), code=1)
        assert "[supervisor_failed]" in said and "help:" in said, said
        assert not (SCRATCH / ".config/systemd/user/muster.service").exists()
    ok("what can't be installed says why, and writes nothing")


def check_notices():
    """The supervisor hears of the start, of a reload, of life and of the end."""
    supervisor = Supervisor("notify")
    server = Server("notices", NOTIFY_SOCKET=supervisor.path, WATCHDOG_USEC="1000000")
    heard = supervisor.until("READY=1")
    assert f"MAINPID={server.process.pid}" in heard[-1].splitlines(), heard
    assert all("READY=1" not in told for told in heard[:-1]), heard
    with urllib.request.urlopen(f"{server.url}/health/ready") as answer:
        assert json.load(answer)["ports_bound"] is True
    supervisor.until("WATCHDOG=1")
    server.process.send_signal(signal.SIGHUP)
    supervisor.until("RELOADING=1")
    supervisor.until("READY=1")
    server.stop()
    supervisor.until("STOPPING=1")
    ok("READY, WATCHDOG, RELOADING and STOPPING arrive at a NOTIFY_SOCKET")
    abstract = f"@muster-test-{os.getpid()}"
    if sys.platform == "linux":
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind("\0" + abstract[1:])
        listener.settimeout(PATIENCE_S)
        server = Server("notices", NOTIFY_SOCKET=abstract)
        while "READY=1" not in listener.recv(4096).decode():
            pass
        server.stop()
        ok("an abstract NOTIFY_SOCKET hears READY=1")


def lines_of(file):
    """The lines of a log, each of which is one JSON object."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def check_rotation():
    """logrotate renames the log while requests are logged: no line is lost, and none is torn."""
    if not shutil.which("logrotate"):
        left_out("the rotation of a log", "logrotate is not installed (--install)")
        return
    server = Server("rotated", "--log-file", "logs/registry.log", MUSTER_LOG_REQUESTS="info")
    log = server.data / "logs/registry.log"
    assert log.stat().st_mode & 0o777 == 0o600, oct(log.stat().st_mode)
    sample = (DEPLOY / "logrotate/muster").read_text()
    hang_up = "systemctl kill --kill-whom=main --signal=HUP muster.service"
    assert "/var/lib/muster/logs/registry.log" in sample and hang_up in sample, sample
    sample = sample.replace("/var/lib/muster/logs/registry.log", str(log))
    sample = sample.replace(hang_up, f"kill -HUP {server.process.pid}")
    account = __import__("pwd").getpwuid(os.getuid()).pw_name
    group = __import__("grp").getgrgid(os.getgid()).gr_name
    sample = sample.replace("su muster muster", f"su {account} {group}")
    config = SCRATCH / "logrotate.conf"
    config.write_text(sample)
    config.chmod(0o644)

    failures = []

    def write():
        try:
            for number in range(WRITES):
                server.put(number)
        except Exception as error:  # The main thread tells of it.
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    old = log.stat().st_ino
    for rotation in range(ROTATIONS):
        seen = log.stat().st_size
        wait_for("more lines", lambda: log.stat().st_size > seen or not writer.is_alive())
        done = subprocess.run(
            ["logrotate", "--force", "--state", SCRATCH / "logrotate.state", config],
            capture_output=True, text=True, timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        wait_for("the new file", lambda: log.exists() and log.stat().st_ino != old)
        old = log.stat().st_ino
    writer.join()
    assert not failures, failures
    server.stop()
    for file in log.parent.glob("*.gz"):
        subprocess.run(["gzip", "--decompress", file], check=True)
    files = sorted(log.parent.iterdir())
    assert len(files) == ROTATIONS + 1, files
    told = [line for file in files for line in lines_of(file)]
    written = sorted(
        int(line["request"].removeprefix("write-")) for line in told
        if str(line.get("request", "")).startswith("write-")
    )
    assert written == list(range(WRITES)), f"{len(written)} of {WRITES} lines"
    last = [line.get("message") for line in lines_of(log)]
    assert last[-1] == "muster has stopped", last[-1]
    assert log.stat().st_mode & 0o777 == 0o600, oct(log.stat().st_mode)
    ok(f"logrotate renamed the log {ROTATIONS} times under load: {WRITES} lines, none is lost or torn")


def check_full_log():
    """A log that can't be written loses lines, and no request."""
    if not Path("/dev/full").exists():
        left_out("a log on a full disk", "there is no /dev/full")
        return
    server = Server("full", "--log-file", "/dev/full", MUSTER_LOG_REQUESTS="info")
    for number in range(20):
        server.put(number)
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        metrics = answer.read().decode()
    lost = re.search(r"^muster_log_lines_lost (\d+)$", metrics, re.MULTILINE)
    assert lost and int(lost[1]) >= 20, metrics
    server.stop()
    said = Path(server.errors.name).read_text()
    assert said.count("lines of the log are lost") == 1, said
    ok("a full disk loses lines of the log and no request; they are counted and said once")


def check_metrics_file():
    """The file of metrics is whole whenever it is read, and says what /metrics says."""
    server = Server("measured", "--metrics-file", "metrics/registry.metrics")
    file = server.data / "metrics/registry.metrics"
    stream = urllib.request.urlopen(f"{server.url}/changes", timeout=PATIENCE_S)
    for number in range(3):
        server.put(number, f"entry-{number}")
    seen = b""
    while seen.count(b"data: ") < 3:
        seen += stream.readline()

    def told():
        lines = file.read_text().splitlines() if file.exists() else []
        return dict(line.split("=") for line in lines)

    names = [
        "health.db", "health.queue_depth", "health.webhooks_pending", "propagation.executed",
        "webhook.delivered", "webhook.retry", "webhook.failed", "stream.messages",
    ]
    wait_for("the file", lambda: int(told().get("stream.messages", 0)) >= 3)
    found = told()
    assert list(found) == names and found["health.db"] == "1", found
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        metrics = answer.read().decode()
    assert f"muster_stream_messages {found['stream.messages']}\n" in metrics, metrics
    stream.close()
    server.stop(signal.SIGINT)
    assert [one.name for one in file.parent.iterdir()] == ["registry.metrics"], "a part is left"
    ok("the file of metrics says what /metrics says")


def main():
    os.environ.pop("NOTIFY_SOCKET", None)
    for check in [
        check_units, check_system_calls, check_refusals, check_notices, check_rotation, check_full_log, check_metrics_file,
    ]:
        check()


main()
