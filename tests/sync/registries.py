"""Three registries that write the same documents, and a checker that knows nothing of how they
exchange them: it keeps what each of them acknowledged, and asks each what it says in the end.

    registries.py MUSTER SCRATCH SECONDS [SEED]
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

DOCUMENTS = 8
# Longer than any of them may take to come to rest.
PATIENCE_S = 120
RETRY = {"max_retries": 100, "base_delay_seconds": 0.1, "max_delay_seconds": 1,
         "circuit_breaker_threshold": 1000}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Registry:
    """A server in a process of its own, with a data directory."""

    def __init__(self, muster, scratch, name):
        self.muster, self.name = muster, name
        self.home = os.path.join(scratch, name)
        os.makedirs(self.home)
        self.data = os.path.join(self.home, "data")
        self.port = free_port()
        self.process = None
        # What it acknowledged: (document, number or None for a deletion, position).
        self.acknowledged = []
        self.counter = 0
        # What it acknowledged before it was restored from a backup, and its name in vectors then.
        self.former = []

    def start(self):
        log = open(os.path.join(self.home, "log"), "ab")
        self.process = subprocess.Popen(
            [self.muster, "serve", "--data", self.data,
             "--listen", f"127.0.0.1:{self.port}"],
            env=self.environment(), stdout=log, stderr=log)
        until(self.is_ready, f"{self.name} doesn't start: see {self.home}/log")

    def environment(self):
        return {"HOME": self.home, "PATH": os.environ["PATH"],
                "MUSTER_PROPAGATION_ALLOW": "127.0.0.0/8"}

    def back_up(self):
        subprocess.run([self.muster, "backup", os.path.join(self.home, "a.backup"),
                        "--server", f"http://127.0.0.1:{self.port}"],
                       env=self.environment(), check=True, stdout=subprocess.DEVNULL)

    def lose_everything(self):
        """Kills it, and starts again from the backup, in another directory."""
        self.former.append((self.writer(), self.acknowledged))
        self.acknowledged = []
        self.kill()
        self.data = os.path.join(self.home, "restored")
        subprocess.run([self.muster, "restore-backup", os.path.join(self.home, "a.backup"),
                        "--data", self.data],
                       env=self.environment(), check=True, stdout=subprocess.DEVNULL)
        self.start()

    def writer(self):
        """What it is called in vectors."""
        restores = self.get("/sync").get("restores", [])
        return restores[-1]["writer"] if restores else self.id()

    def is_ready(self):
        try:
            return self.ask("GET", "/health/ready")[0] == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, method, path, body=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            headers = {"content-type": "application/json"} if body is not None else {}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, dict(answer.getheaders()), data
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def get(self, path):
        status, _, data = self.ask("GET", path)
        assert status == 200, (self.name, path, status, data)
        return json.loads(data)

    def put(self, xid, document):
        status, headers, data = self.ask("POST", "/api" + xid, document)
        assert status in (200, 201), (self.name, xid, status, data)
        return int(headers["Muster-Position"] if "Muster-Position" in headers
                   else headers["muster-position"])

    def write(self, rng):
        """Writes or deletes one document. What isn't answered may have happened or not."""
        name = f"d{rng.randrange(DOCUMENTS)}"
        xid = f"/configs/shared/entries/{name}"
        self.counter += 1
        try:
            if rng.random() < 0.1:
                status, headers, _ = self.ask("DELETE", "/api" + xid, timeout=10)
                if status == 204:
                    position = int(next(v for k, v in headers.items() if k.lower() == "muster-position"))
                    self.acknowledged.append((name, None, position))
                return
            document = {"by": self.name, "number": self.counter}
            status, headers, data = self.ask("POST", "/api" + xid, document, timeout=10)
            if status in (200, 201):
                position = int(next(v for k, v in headers.items() if k.lower() == "muster-position"))
                self.acknowledged.append((name, self.counter, position))
            else:
                assert status >= 500 or status in (404, 409, 412, 429), (status, data)
        except OSError:
            pass

    def id(self):
        return self.get("/api")["registryid"]

    def state(self, name):
        """What it says about a document: its bytes, or None where it is deleted."""
        status, _, data = self.ask("GET", f"/api/configs/shared/entries/{name}")
        assert status in (200, 404), (self.name, name, status)
        return data if status == 200 else None

    def states(self):
        return {f"d{number}": self.state(f"d{number}") for number in range(DOCUMENTS)}

    def conflicts(self):
        found = self.get("/search?type=conflicts&limit=1000")["documents"]
        return [one["xid"] for one in found]

    def head(self):
        return self.get("/sync")["head"]

    def versions(self, name):
        """What every version of a document said, oldest first."""
        path = f"/api/configs/shared/entries/{name}/versions"
        status, _, data = self.ask("GET", path + "?inline=entry&limit=1000")
        if status != 200:
            return []
        found = sorted(json.loads(data).items(), key=lambda one: int(one[0]))
        return [one.get("entry") for _, one in found]


def until(holds, otherwise, patience=PATIENCE_S):
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"FAILED: {otherwise if isinstance(otherwise, str) else otherwise()}")
        time.sleep(0.05)


def target(registry, other):
    name = f"/targets/peers/entries/{other.name}"
    registry.put(name, {"kind": "registry", "url": f"http://127.0.0.1:{other.port}", "retry": RETRY})
    return name


def route(registry, other, mode, policy):
    registry.put(f"/routes/peers/entries/to-{other.name}", {
        "mode": mode, "select": {"collections": ["/configs"]}, "targets": [target(registry, other)],
        "from": "beginning", "conflict": policy})


def ring(registries, policy):
    for at, registry in enumerate(registries):
        route(registry, registries[(at + 1) % len(registries)], "unidirectional", policy)


def mesh(registries, policy):
    for at, registry in enumerate(registries):
        for other in registries[at + 1:]:
            route(registry, other, "bidirectional", policy)


def disturb(registries, rng, end):
    """Stops registries for a while, and kills them."""
    counts = {"stopped": 0, "killed": 0}
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.3, 1.5))
        registry = rng.choice(registries)
        if rng.random() < 0.5:
            registry.process.send_signal(signal.SIGSTOP)
            time.sleep(rng.uniform(0.2, 1.5))
            registry.process.send_signal(signal.SIGCONT)
            counts["stopped"] += 1
        else:
            registry.kill()
            time.sleep(rng.uniform(0, 1))
            registry.start()
            counts["killed"] += 1
    return counts


def write_until(registry, rng, end):
    while time.monotonic() < end:
        registry.write(rng)
        time.sleep(rng.uniform(0, 0.1))


def differing(registries):
    all_states = [registry.states() for registry in registries]
    return [name for name in all_states[0]
            if any(states[name] != all_states[0][name] for states in all_states)]


def describe(registries):
    lines = [f"they never agree about {differing(registries)}"]
    for registry in registries:
        lines.append(f"{registry.name} {json.dumps(registry.get('/propagation/sessions'))}")
        lines.append(f"{registry.name} {json.dumps(registry.get('/propagation/dead-letters'))}")
        for name in differing(registries):
            status, _, data = registry.ask("GET", f"/sync/configs/shared/entries/{name}")
            lines.append(f"{registry.name} {name} {status} {data.decode()}")
    return "\n".join(lines)


def decide(registries, rng):
    """Decides every conflict, until none comes up any more. Returns how many there were."""
    count = 0
    end = time.monotonic() + PATIENCE_S
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3:
        assert time.monotonic() < end, "conflicts never end"
        for registry in registries:
            for conflict in registry.conflicts():
                quiet_since = time.monotonic()
                take = rng.choice(["ours", "theirs", "other"])
                body = {"conflict": conflict}
                if take == "other":
                    registry.counter += 1
                    document = {"by": registry.name, "number": registry.counter}
                    body["document"] = {"text": json.dumps(document),
                                        "contenttype": "application/json"}
                else:
                    body["take"] = take
                status, _, data = registry.ask("POST", "/sync/resolve", body)
                # Another decision may have arrived first, or a change that nobody has looked at: then
                # the conflict is noted anew.
                assert status in (200, 404, 412), (status, data)
                count += status == 200
        if differing(registries):
            quiet_since = time.monotonic()
        time.sleep(0.1)
    return count


def is_quiet(registries):
    """Whether nobody writes anything for a while."""
    before = [registry.head() for registry in registries]
    time.sleep(2)
    return before == [registry.head() for registry in registries]


def check(registries, is_decided_by_people):
    # Each registry under each of its names, with what it acknowledged as that.
    writers = [(registry, *life) for registry in registries
               for life in [*registry.former, (registry.writer(), registry.acknowledged)]]
    written = sum(len(acknowledged) for _, _, acknowledged in writers)
    compared = 0
    for name in (f"d{number}" for number in range(DOCUMENTS)):
        vectors = []
        for registry in registries:
            status, _, data = registry.ask("GET", f"/sync/configs/shared/entries/{name}")
            if status == 404:
                vectors.append({})
                continue
            vectors.append(json.loads(data)["document"]["vector"])
        for registry, writer, acknowledged in writers:
            for document, number, position in acknowledged:
                if document != name:
                    continue
                for other, vector in zip(registries, vectors):
                    held = vector.get(writer, 0)
                    assert held >= position, (
                        f"{other.name} doesn't hold what {registry.name} acknowledged of {name} "
                        f"at position {position} (number {number}), only {held}")
        if is_decided_by_people:
            continue
        # What one registry wrote comes to every other one in the order in which it was written.
        for registry in registries:
            newest = {}
            for said in registry.versions(name):
                if not said:
                    continue
                by, number = said["by"], said["number"]
                compared += 1
                assert number >= newest.get(by, 0), (
                    f"{registry.name} has {by} {number} of {name} after {newest[by]}")
                newest[by] = number
    assert compared or is_decided_by_people, "no version was compared"
    return written, compared


def dead_letters(registries):
    return [letter for registry in registries
            for letter in registry.get("/propagation/dead-letters")["letters"]]


def chain(registries, policy):
    """The first one sends to the second one alone, and exchanges with the third one."""
    route(registries[0], registries[1], "unidirectional", policy)
    route(registries[0], registries[2], "bidirectional", policy)


def write_all(registries, rng, seconds):
    end = time.monotonic() + seconds
    writers = [threading.Thread(target=write_until,
                                args=(registry, random.Random(rng.random()), end))
               for registry in registries]
    for writer in writers:
        writer.start()
    return end, writers


def come_to_rest(registries):
    until(lambda: not differing(registries), lambda: describe(registries))
    until(lambda: is_quiet(registries), "they never come to rest")
    assert not differing(registries), describe(registries)


def play_restore(muster, scratch, title, shape, lost, seconds, seed):
    """One registry loses what it wrote after a backup; the others have it still. What is written at
    the same positions afterwards is something else."""
    rng = random.Random(seed)
    folder = os.path.join(scratch, title.replace(" ", "-"))
    os.makedirs(folder)
    registries = [Registry(muster, folder, name) for name in ("a", "b", "c")]
    loser = registries[lost]
    # Of a route in one direction, only its registry writes.
    authors = registries if shape is mesh else [registries[0], registries[2]]
    try:
        for registry in registries:
            registry.start()
        shape(registries, "last-writer")
        for phase in ("before", "lost", "after"):
            _, writers = write_all(authors, rng, seconds / 3)
            for writer in writers:
                writer.join()
            if phase != "before":
                come_to_rest(registries)
            if phase == "before":
                loser.back_up()
            elif phase == "lost":
                loser.lose_everything()
        written, compared = check(registries, False)
        letters = dead_letters(registries)
        assert not letters, letters
        print(f"{title}: {written} changes, of which {loser.name} lost some in a backup's place; all "
              f"agree, nothing is lost, the order of {compared} versions compared")
    finally:
        for registry in registries:
            if registry.process:
                registry.kill()


def play(muster, scratch, title, shape, policy, seconds, seed):
    rng = random.Random(seed)
    folder = os.path.join(scratch, title.replace(" ", "-"))
    os.makedirs(folder)
    registries = [Registry(muster, folder, name) for name in ("a", "b", "c")]
    try:
        for registry in registries:
            registry.start()
        shape(registries, policy)
        end, writers = write_all(registries, rng, seconds)
        counts = disturb(registries, rng, end)
        for writer in writers:
            writer.join()
        is_manual = policy in ("manual", "merge")
        decided = decide(registries, rng) if is_manual else 0
        come_to_rest(registries)
        assert not [one for registry in registries for one in registry.conflicts()]
        letters = dead_letters(registries)
        assert not letters, letters
        written, compared = check(registries, is_manual)
        assert written > 0
        print(f"{title}: {written} changes of {DOCUMENTS} documents in 3 registries, "
              f"{counts['stopped']} stops, {counts['killed']} kills, {decided} conflicts decided, "
              f"the order of {compared} versions compared; all agree, "
              "nothing is lost, nothing echoes")
    finally:
        for registry in registries:
            if registry.process:
                registry.process.send_signal(signal.SIGCONT)
                registry.kill()


def main():
    muster, scratch, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
    print(f"seed {seed}")
    plays = [("ring last-writer", ring, "last-writer"), ("mesh last-writer", mesh, "last-writer"),
             ("mesh manual", mesh, "manual")]
    for number, (title, shape, policy) in enumerate(plays):
        play(muster, scratch, title, shape, policy, seconds / len(plays), seed + number)
    for title, shape, lost in [("restored in a mesh", mesh, 0), ("restored target of a mesh", mesh, 2),
                               ("restored receiver", chain, 1)]:
        play_restore(muster, scratch, title, shape, lost, 9, seed)


main()
