"""Checks the workflow, the commands and the templates of deploy/: check.py ROOT MUSTER."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = "docs/how-to/deploy-a-site.md"
WORKFLOW = "deploy/github-actions/site.yml"
TEMPLATES = "deploy/terraform/aws"

# Where the arguments of a command end.
ENDS = {"|", "||", "&&", ";", ">", ">>", "<", "&"}

# Lines that the program must not take, so that this check is known to notice them.
WRONG = [
    "muster publsh --to s3://b/site",
    "muster publish --too s3://b/site",
    "muster apply catalog --message",
    "muster keys site --rotat",
    "muster keys create --expire 90d",
]


def commands(text):
    """The arguments of each call of the program in a script."""
    text = re.sub(r"\\\n\s*", " ", text)
    for line in text.splitlines():
        for found in re.finditer(r"(?:^|[\s(])muster(?=\s)", line.split(" # ")[0]):
            before, rest = line[: found.start()].strip(), line[found.end() :]
            if before.startswith(("curl ", "rm ", "install ", "echo ", "cargo ")):
                continue
            arguments = []
            for word in shlex.split(rest.removesuffix(")")):
                if word in ENDS or word.startswith(">"):
                    break
                arguments.append(word)
            yield arguments


def refused(muster, arguments):
    """What the program says against a call. With --help it reads the arguments and does nothing."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.getcwd(), "MUSTER_SERVER": "http://127.0.0.1:1"}
    done = subprocess.run(
        [muster, *arguments, "--help"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    return "" if done.returncode == 0 else done.stderr.decode()


def check_commands(muster, place, texts):
    """Holds each call in some texts against the program."""
    calls = [call for text in texts for call in commands(text)]
    assert calls, f"{place}: there is no call of muster"
    for call in calls:
        problem = refused(muster, call)
        assert not problem, f"{place}: muster {shlex.join(call)}\n{problem}"
    return len(calls)


def check_workflow(root, muster):
    """The workflow: its form, its permissions, its scripts, and the names of its values."""
    import yaml

    flow = yaml.safe_load((root / WORKFLOW).read_text())
    # YAML 1.1 reads the key `on` as true.
    assert "pull_request" in flow[True] and "schedule" in flow[True], "on"
    assert flow["permissions"] == {}, "a job has only what it names"
    scripts = []
    for name, job in flow["jobs"].items():
        assert job["permissions"], f"{name}: permissions"
        writes = [what for what, level in job["permissions"].items() if level == "write"]
        known = set(flow["env"]) | set(job.get("env", {}))
        # A job that may write doesn't run for a pull request, by itself or by what it needs.
        ancestors = [name, *([job["needs"]] if "needs" in job else [])]
        guarded = any("pull_request'" in flow["jobs"][one].get("if", "") for one in ancestors)
        assert guarded or not writes, f"{name}: a pull request may {writes}"
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step["uses"]
                continue
            script = step["run"]
            assert "${{" not in script, f"{name}: values reach a script through the environment"
            subprocess.run(["bash", "-n"], input=script.encode(), check=True)
            for variable in re.findall(r"\$([A-Z][A-Z_0-9]+)", script):
                is_known = variable in known or variable.startswith(("GITHUB_", "RUNNER_"))
                assert is_known, f"{name}: ${variable} isn't set"
            scripts.append(script)
    return set(flow["env"]), check_commands(muster, WORKFLOW, scripts)


def plain(value):
    """A text without the quotes that python-hcl2 keeps around it."""
    return value.strip('"') if isinstance(value, str) else value


def check_templates(root):
    """The templates: their form, and a description for whatever their user sees."""
    import hcl2

    declared, used, outputs = set(), set(), {}
    for path in sorted((root / TEMPLATES).glob("*.tf")):
        text = path.read_text()
        used |= set(re.findall(r"\bvar\.([a-z_]+)", text))
        parsed = hcl2.loads(text)
        for kind in ("variable", "output"):
            for block in parsed.get(kind, []):
                for name, body in block.items():
                    if name.startswith("__"):
                        continue
                    name = plain(name)
                    assert plain(body.get("description", "")), f"{path.name}: {name} has no description"
                    if kind == "variable":
                        declared.add(name)
                    else:
                        outputs[name] = body["value"]
    assert declared == used, f"declared or used alone: {declared ^ used}"
    return {plain(name) for name in outputs["pipeline"]}


def main():
    root, muster = Path(sys.argv[1]), sys.argv[2]
    for line in WRONG:
        (call,) = commands(line)
        assert refused(muster, call), f"this was taken: {line}"
    page = (root / PAGE).read_text()
    check_commands(muster, PAGE, re.findall(r"^```sh[^\n]*\n(.*?)^```", page, re.M | re.S))
    values, told = None, None
    try:
        values, _ = check_workflow(root, muster)
    except ModuleNotFoundError as missing:
        print(f"left out: the reading of {WORKFLOW}, because Python has no {missing.name} (--install)")
    try:
        told = check_templates(root)
    except ModuleNotFoundError as missing:
        print(f"left out: the reading of {TEMPLATES}, because Python has no {missing.name} (--install)")
    if values and told:
        assert told <= values, f"the workflow has no values {told - values}"


if __name__ == "__main__":
    main()
