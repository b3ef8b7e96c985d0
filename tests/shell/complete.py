"""Types at the prompt of a real shell, presses Tab, and looks at what the shell makes of it.

    complete.py SHELL COMPLETIONS FUNCTIONS
"""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

SHELL, COMPLETIONS, FUNCTIONS = sys.argv[1:4]
PATIENCE_S = 40
AGAIN_S = 4
# What is typed, what the line becomes with Tab, and which of the words are offered in a list.
CASES = [
    ("muster get ent", "muster get entities/"),
    ("muster get entities/ag", "muster get entities/agents/"),
    ("muster get entities/agents/", "muster get entities/agents/entries/"),
    ("muster get entities/agents/entries/pl", "muster get entities/agents/entries/planner "),
    ("muster list --output json configs/a", "muster list --output json configs/app/"),
    ("muster search --type enti", "muster search --type entities "),
    ("muster search --group configs/a", "muster search --group configs/app "),
    ("muster entities query --classification swarm_op", "muster entities query --classification swarm_optimizers "),
    ("muster entities query --classification=swarm_op", "muster entities query --classification=swarm_optimizers "),
    ("muster entities query -c ai-s", "muster entities query -c ai-systems "),
    ("muster entities register plan", "muster entities register planner "),
    ("muster propagation pause arch", "muster propagation pause archive "),
    ("muster propagation multicast --targets hook,arch", "muster propagation multicast --targets hook,archive "),
    ("muster propagation sessions --route nigh", "muster propagation sessions --route nightly "),
    # What isn't a name is completed as it always was.
    ("muster entiti", "muster entities "),
    ("muster propagation fan", "muster propagation fan-out "),
    ("muster propagation chain --dry", "muster propagation chain --dry-run "),
]
FUNCTION_CASES = [
    ("query_entities_by_classification glyp", "query_entities_by_classification glyphs "),
    ("register_entity x swarm_op", "register_entity x swarm_optimizers "),
    ("registry_propagation_unidirectional configs/a", "registry_propagation_unidirectional configs/app/"),
    ("registry_propagation_multicast configs/app/entries/web hook,arch", "registry_propagation_multicast configs/app/entries/web hook,archive "),
]


class Prompt:
    """An interactive shell behind a pseudo terminal."""

    def __init__(self, folder, environment):
        files = {
            "bash": (["bash", "--noprofile", "--rcfile", "rc", "-i"],
                     f"PS1='READY> '\nbind 'set bell-style none'\nbind 'set enable-bracketed-paste off'\nsource {COMPLETIONS}\nsource {FUNCTIONS}\n"),
            "zsh": (["zsh", "-i"],
                    "PS1='READY> '\nunset zle_bracketed_paste\nunsetopt prompt_sp beep\nzle_highlight=(none)\n"
                    f"fpath=({folder}/zfunc $fpath)\nautoload -U compinit && compinit -u -D\nsource {FUNCTIONS}\n"),
        }
        arguments, text = files[SHELL]
        if SHELL == "zsh":
            os.makedirs(f"{folder}/zfunc", exist_ok=True)
            with open(COMPLETIONS) as script, open(f"{folder}/zfunc/_muster", "w") as loaded:
                loaded.write(script.read())
            environment = {**environment, "ZDOTDIR": folder}
        with open(f"{folder}/{'.zshrc' if SHELL == 'zsh' else 'rc'}", "w") as rc:
            rc.write(text)
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, {**environment, "TERM": "dumb", "COLUMNS": "200"})
        self.said = ""
        self.wait(lambda: self.said.endswith("READY> "), "a prompt")

    def read(self, time_s):
        ready, _, _ = select.select([self.terminal], [], [], time_s)
        if ready:
            self.said += os.read(self.terminal, 65_536).decode(errors="replace")
        return bool(ready)

    def wait(self, holds, what):
        assert self.waited(holds, PATIENCE_S), f"{SHELL} didn't show {what}: {self.said[-2_000:]!r}"

    def waited(self, holds, time_s):
        end = time.monotonic() + time_s
        while not holds() and time.monotonic() < end:
            self.read(0.1)
        return holds()

    def completed(self, typed, expected):
        """Types, presses Tab, and waits until the line is what is expected."""
        self.said = ""
        os.write(self.terminal, typed.encode() + b"\t")
        clean = lambda: re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r", "", with_backspaces(self.said))
        # On a busy machine, names may come too late for the first Tab: they have 300 ms.
        for _ in range(PATIENCE_S // AGAIN_S):
            if self.waited(lambda: clean().endswith(expected), AGAIN_S):
                break
            os.write(self.terminal, b"\t")
        self.wait(lambda: clean().endswith(expected), f"{expected!r} for {typed!r}")
        # Another line begins.
        self.said = ""
        os.write(self.terminal, b"\x15\r")
        self.wait(lambda: self.said.endswith("READY> "), "a prompt")

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.process, 0)


def with_backspaces(text):
    line = []
    for letter in text:
        if letter == "\b":
            if line:
                line.pop()
        else:
            line.append(letter)
    return "".join(line)


def fish(line, environment, folder):
    """What fish offers for a line."""
    command = ["fish", "--no-config", "-c", f"source {COMPLETIONS}; complete -C $argv[1]", line]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0 and not done.stderr, done
    return [one.split("\t")[0] for one in done.stdout.splitlines()]


def at_prompt(environment, folder):
    prompt = Prompt(folder, environment)
    for typed, expected in CASES + FUNCTION_CASES:
        prompt.completed(typed, expected)
    prompt.end()
    return len(CASES) + len(FUNCTION_CASES)


def in_fish(environment, folder):
    for typed, expected in CASES:
        word = expected.strip().split(" ")[-1]
        for _ in range(PATIENCE_S // AGAIN_S):
            offered = fish(typed, environment, folder)
            if any(one.startswith(word) for one in offered):
                break
        assert any(one.startswith(word) for one in offered), (typed, word, offered)
    return len(CASES)


def without_a_server(environment, folder):
    """Names are silent, and soon, where no server answers or where one accepts and says nothing."""
    import socket
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        for address in ["http://127.0.0.1:1", f"http://127.0.0.1:{silent.getsockname()[1]}", "http://nowhere.invalid", "nonsense"]:
            began = time.monotonic()
            done = subprocess.run(["muster", "complete-names", "--", "get", ""], env={**environment, "MUSTER_SERVER": address},
                                  cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
            took = time.monotonic() - began
            assert (done.returncode, done.stdout) == (0, ""), done
            # Twice the limit and a slow start of the program.
            assert took < 5, (address, took)


def main():
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        environment["HOME"] = folder
        count = in_fish(environment, folder) if SHELL == "fish" else at_prompt(environment, folder)
        without_a_server(environment, folder)
    print(f"{count} lines completed in {SHELL}")


main()
