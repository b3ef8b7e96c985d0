"""Measures fastjsonschema: each line of input is the name of a schema and milliseconds, each line
of output the nanoseconds of one validation of its payload, or why there are none.

    python3 fast.py SCHEMAS PAYLOADS
"""
import json
import pathlib
import sys
import time

import fastjsonschema

schemas, payloads = map(pathlib.Path, sys.argv[1:3])
known = {}


def prepare(name):
    schema = json.loads((schemas / f"{name}.json").read_text("utf-8-sig"))
    payload = json.loads((payloads / f"{name}.json").read_text("utf-8"))
    # Without defaults: with them it would change the payload.
    validate = fastjsonschema.compile(schema, use_default=False)
    validate(payload)
    return validate, payload


def measure(name, milliseconds):
    if name not in known:
        known[name] = prepare(name)
    validate, payload = known[name]
    begin, count = time.perf_counter_ns(), 0
    while True:
        for _ in range(16):
            validate(payload)
        count += 16
        now = time.perf_counter_ns()
        if now - begin >= milliseconds * 1_000_000:
            return (now - begin) / count


for line in sys.stdin:
    name, milliseconds = line.split()
    try:
        print(measure(name, int(milliseconds)), flush=True)
    except Exception as error:  # whatever the library says
        print("refused:", str(error).replace("\n", " ")[:200], flush=True)
