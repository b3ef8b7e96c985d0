// Measures the npm package next to ajv, in turns: the same schemas and payloads in one process.
//
//   node measure.mjs PACKAGE MODULES PAYLOADS [--rounds N] [--milliseconds N]
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "7" },
    milliseconds: { type: "string", default: "50" },
  },
});
const [ourPackage, modules, payloads] = positionals.map((path) => resolve(path));
const require = createRequire(join(modules, "index.js"));
const { Validator } = require(ourPackage);
const text = (file) => readFileSync(file, "utf8").replace(/^\uFEFF/, "");
const names = readdirSync(payloads).map((file) => basename(file, ".json"));

const schemas = Object.fromEntries(
  names.map((name) => [name, text(join(modules, "schemastore/schemas/json", `${name}.json`))]),
);
const ours = await Validator.create({ localSchemas: schemas, performance: { precompileSchemas: names } });

function ajvOf(name) {
  const schema = JSON.parse(schemas[name]);
  const Ajv = String(schema.$schema).includes("draft-04") ? require("ajv-draft-04") : require("ajv");
  const ajv = new (Ajv.default ?? Ajv)({ strict: false, logger: false });
  require("ajv-formats")(ajv);
  return ajv.compile(schema);
}

function nanoseconds(work) {
  const begin = process.hrtime.bigint();
  const end = begin + BigInt(values.milliseconds) * 1000000n;
  for (let count = 0; ; ) {
    for (let at = 0; at < 16; at++) if (!work()) throw new Error("it changed its mind");
    count += 16;
    const now = process.hrtime.bigint();
    if (now >= end) return Number(now - begin) / count;
  }
}

const median = (all) => [...all].sort((one, other) => one - other)[Math.floor(all.length / 2)];
const mean = (all) => Math.exp(all.reduce((sum, one) => sum + Math.log(one), 0) / all.length);
const ratios = { value: [], text: [] };

console.log("| schema | ours, value | ours, text | of ajv, value | of ajv, text |");
console.log("|---|---|---|---|---|");
for (const name of names) {
  const payload = text(join(payloads, `${name}.json`));
  const value = JSON.parse(payload);
  const ajv = ajvOf(name);
  const works = {
    oursValue: () => ours.validateSync(name, value).valid,
    ajvValue: () => ajv(value),
    oursText: () => ours.validateJsonSync(name, payload).valid,
    ajvText: () => ajv(JSON.parse(payload)),
  };
  const found = Object.fromEntries(Object.keys(works).map((key) => [key, []]));
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const [key, work] of Object.entries(works)) {
      const took = nanoseconds(work);
      // Before the first round counts, each has compiled and run.
      if (round > 0) found[key].push(took);
    }
  }
  const ratio = (one, other) => median(found[one].map((took, round) => found[other][round] / took));
  const [ofValue, ofText] = [ratio("oursValue", "ajvValue"), ratio("oursText", "ajvText")];
  ratios.value.push(ofValue);
  ratios.text.push(ofText);
  const micro = (key) => (median(found[key]) / 1000).toFixed(1);
  const told = [name, `${micro("oursValue")} µs`, `${micro("oursText")} µs`, ofValue.toFixed(2), ofText.toFixed(2)];
  console.log(`| ${told.join(" | ")} |`);
}
console.log(`| geometric mean | | | ${mean(ratios.value).toFixed(2)} | ${mean(ratios.text).toFixed(2)} |`);
