// Measures ajv: each line of input is the name of a schema and milliseconds, each line of output
// the nanoseconds of one validation of its payload, or why there are none.
//
//   node ajv.mjs SCHEMAS PAYLOADS MODULES
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";

const [schemas, payloads, modules] = process.argv.slice(2);
const require = createRequire(join(modules, "index.js"));
const read = (folder, name) =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8").replace(/^\uFEFF/, ""));
const known = new Map();

function prepare(name) {
  const schema = read(schemas, name);
  const Ajv = String(schema.$schema).includes("draft-04") ? require("ajv-draft-04") : require("ajv");
  // No key of these schemas is refused; formats are asserted, as these drafts are read by ours.
  const ajv = new (Ajv.default ?? Ajv)({ strict: false, logger: false });
  require("ajv-formats")(ajv);
  const payload = read(payloads, name);
  const validate = ajv.compile(schema);
  if (!validate(payload)) throw new Error(ajv.errorsText(validate.errors));
  return { validate, payload };
}

function measure(name, milliseconds) {
  if (!known.has(name)) known.set(name, prepare(name));
  const { validate, payload } = known.get(name);
  const begin = process.hrtime.bigint();
  const end = begin + BigInt(milliseconds) * 1000000n;
  for (let count = 0; ; ) {
    for (let at = 0; at < 16; at++) if (!validate(payload)) throw new Error("it changed its mind");
    count += 16;
    const now = process.hrtime.bigint();
    if (now >= end) return Number(now - begin) / count;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, milliseconds] = line.split(" ");
  try {
    console.log(measure(name, Number(milliseconds)));
  } catch (error) {
    console.log(`refused: ${String(error.message).replaceAll("\n", " ").slice(0, 200)}`);
  }
}
