// The validator against a real server, local schemas and bundles.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { RegistryError, Validator } from "muster-registry";

const { MUSTER, SCRATCH } = process.env;
const GROUP = "schemagroups/shop/schemas/";
const ORDER = `${GROUP}order`;

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A server of its own, which can be stopped and started again at its address. */
class Registry {
  static async start(context, flags = []) {
    const registry = new Registry();
    registry.data = mkdtempSync(join(SCRATCH, "data-"));
    registry.port = await freePort();
    registry.url = `http://127.0.0.1:${registry.port}`;
    registry.flags = flags;
    await registry.start();
    context.after(() => registry.stop());
    return registry;
  }

  start() {
    const listen = ["--listen", `127.0.0.1:${this.port}`];
    this.process = spawn(MUSTER, ["serve", "--data", this.data, ...listen, ...this.flags], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return new Promise((resolve, reject) => {
      let told = "";
      this.process.stdout.on("data", (text) => {
        told += text;
        if (told.includes("API ")) resolve();
      });
      this.process.once("exit", () => reject(new Error("the server doesn't start")));
    });
  }

  stop() {
    if (this.process === undefined) return undefined;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill();
    this.process = undefined;
    return ended;
  }

  async register(name, version, schema, format, references = []) {
    const text = typeof schema === "string" ? schema : JSON.stringify(schema);
    const body = { format, contenttype: "text/plain", references };
    if (format === "jsonschema") body.contenttype = "application/json";
    body.schemabase64 = Buffer.from(text).toString("base64");
    const answer = await fetch(`${this.url}/api/${GROUP}${name}/versions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ [version]: body }),
    });
    assert.ok(answer.ok, await answer.text());
  }
}

async function until(holds) {
  for (const end = Date.now() + 20_000; !(await holds()); ) {
    assert.ok(Date.now() < end, "it never came true");
    // sleeps: what is waited for happens in the background and tells nobody.
    await pause(20);
  }
}

const code = (name) => (error) => error instanceof RegistryError && error.code === name;

test("schemas come from the registry, are refreshed, and are used while it is down", async (context) => {
  const registry = await Registry.start(context);
  await registry.register("order", "1", { type: "object", required: ["id"] }, "jsonschema");
  const validator = new Validator({
    schemaSource: "remote",
    registry: { url: registry.url, cacheEnabled: true, cacheTTL: 0.2 },
  });
  assert.throws(() => validator.validateSync(ORDER, {}), code("not_ready"));
  const expect = { valid: true, errors: [], schemaId: `/${ORDER}`, version: "1" };
  assert.deepEqual(await validator.validate(ORDER, { id: 1 }), expect);
  assert.deepEqual(validator.validateSync(ORDER, { id: 1 }), expect);
  assert.deepEqual(validator.validateJsonSync(ORDER, '{"id": 1}'), expect);
  const refused = await validator.validateJson(ORDER, "{}");
  assert.equal(refused.valid, false);
  assert.deepEqual(Object.keys(refused.errors[0]).sort(), ["keyword", "message", "pointer", "severity"]);
  await registry.register("order", "2", { type: "object", required: ["total"] }, "jsonschema");
  await until(async () => (await validator.validate(ORDER, { total: 1 })).version === "2");
  const pinned = await validator.validate(`${ORDER}/versions/1`, { id: 1 });
  assert.deepEqual([pinned.valid, pinned.version], [true, "1"]);
  await registry.stop();
  // sleeps: the schema's time ends.
  await pause(300);
  assert.equal((await validator.validate(ORDER, { total: 1 })).version, "2");
  assert.ok(validator.getStatus().sources[0].consecutiveFailures > 0);
  assert.ok(validator.getStatus().sources[0].lastError.length > 0);
  await assert.rejects(validator.validate(`${GROUP}other`, {}), code("unreachable"));
  await registry.start();
  await registry.register("order", "3", { type: "object", required: ["sum"] }, "jsonschema");
  await until(async () => (await validator.validate(ORDER, { sum: 1 })).version === "3");
});

test("what schemas refer to comes with them in every format, also offline", async (context) => {
  const registry = await Registry.start(context);
  const put = (name, ...schema) => registry.register(name, "1", ...schema);
  const refers = (name, subject) => [{ name, subject, version: 1 }];
  await put("address", { $id: "https://shop.example/address", required: ["city"] }, "jsonschema");
  await put("customer", { properties: { at: { $ref: "https://shop.example/address" } } }, "jsonschema");
  await put("id", { type: "fixed", name: "Id", size: 2 }, "avro");
  await put("ids", { type: "array", items: "Id" }, "avro", refers("Id", "id"));
  await put("money", 'syntax = "proto3"; message M { int64 cents = 1; }', "protobuf");
  const paid = 'syntax = "proto3"; import "m.proto"; message N {} message P { M total = 1; }';
  await put("paid", paid, "protobuf", refers("m.proto", "money"));
  const bundle = join(SCRATCH, "shop.bundle");
  execFileSync(MUSTER, ["schema", "bundle", `${GROUP}*`, "--to", bundle, "--server", registry.url]);
  const online = await Validator.create({
    registry: { url: registry.url },
    performance: { lazyLoad: false },
  });
  assert.equal(online.getStatus().schemas, 6);
  assert.equal((await online.schemas()).length, 6);
  await registry.stop();
  const registryThatIsGone = { url: registry.url, timeout: 2 };
  for (const validator of [
    online,
    new Validator({ bundle }),
    new Validator({ bundle: readFileSync(bundle), registry: registryThatIsGone }),
  ]) {
    for (const [name, message, good, bad] of [
      ["customer", undefined, { at: { city: "x" } }, { at: {} }],
      ["ids", undefined, ["ab"], ["abc"]],
      ["ids", undefined, Buffer.from("\x02ab\x00"), new Uint8Array([2, 97])],
      ["paid", "P", { total: { cents: "5" } }, { total: { cents: true } }],
    ]) {
      const check = async (payload) => (await validator.validate(GROUP + name, payload, { message })).valid;
      assert.deepEqual([await check(good), await check(bad)], [true, false], name);
    }
    const framed = Buffer.from("\x00\x00\x00\x00\x01\x02ab\x00");
    assert.equal((await validator.validate(`${GROUP}ids`, framed, { framed: true })).valid, true);
    await assert.rejects(validator.validate(`${GROUP}paid`, {}, { message: "Ghost" }), code("data_invalid"));
  }
});

test("a key is sent, and many at once fetch once", async (context) => {
  const registry = await Registry.start(context);
  await registry.register("order", "1", { type: "integer" }, "jsonschema");
  const create = ["keys", "create", "--role", "admin", "--server", registry.url];
  const apiKey = execFileSync(MUSTER, create, { stdio: ["ignore", "pipe", "ignore"] }).toString().trim();
  for (const wrong of [undefined, "muster_no_key"]) {
    const validator = new Validator({ registry: { url: registry.url, apiKey: wrong } });
    await assert.rejects(validator.validate(ORDER, 1), code("unreachable"));
  }
  const own = new Validator({ registry: { url: registry.url, apiKey } });
  const found = await Promise.all(Array.from({ length: 50 }, (_, index) => own.validate(ORDER, index % 2 || "x")));
  assert.equal(found.filter((one) => one.valid).length, 25);
  await assert.rejects(own.validate(`${GROUP}ghost`, 1), code("not_found"));
  await assert.rejects(own.validate("schemagroups/shop", 1), code("option_invalid"));
});

test("local schemas come before others, and memory is bounded", async () => {
  const folder = join(SCRATCH, "schemas");
  mkdirSync(folder);
  writeFileSync(join(folder, "size.json"), '{"type": "integer"}');
  writeFileSync(join(folder, "sizes.json"), '{"items": {"$ref": "size.json"}}');
  const validator = await Validator.create({ localSchemas: folder, performance: { precompileSchemas: true } });
  const refused = validator.validateSync("sizes", [1, "x"]);
  assert.equal(refused.errors[0].pointer, "/1");
  const schemas = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`s${index}`, { const: index }]));
  const small = new Validator({ schemaSource: "local", localSchemas: schemas, performance: { cacheSize: 2 } });
  for (let index = 0; index < 5; index += 1) {
    assert.equal((await small.validate(`s${index}`, index)).valid, true);
  }
  assert.deepEqual([small.getStatus().schemas, small.getStatus().evictions], [2, 3]);
  small.clearCache();
  assert.equal(small.getStatus().schemas, 0);
  await small.prepare("s1");
  assert.equal(small.validateSync("s1", 2).valid, false);
  await assert.rejects(small.validate("s1", undefined), code("data_invalid"));
  await assert.rejects(small.validateJson("s1", "{"), code("data_invalid"));
});

test("options that can't be used are refused", async () => {
  for (const options of [
    {},
    { schemaSource: "remote", localSchemas: {} },
    { schemaSource: "cloud", localSchemas: {} },
    { localSchemas: { a: 5 } },
    { localSchemas: "/no/such/folder" },
    { registry: { url: "ftp://x" } },
    { registry: { address: "http://x" } },
    { localSchemas: {}, performance: { cacheSize: 0 } },
    { bundle: "/no/such/file" },
  ]) {
    assert.throws(() => new Validator(options), code("option_invalid"), JSON.stringify(options));
  }
  assert.throws(() => new Validator({ bundle: Buffer.from("{}") }), code("data_invalid"));
  const broken = { localSchemas: { a: { type: "nonsense" } }, performance: { precompileSchemas: ["a"] } };
  await assert.rejects(Validator.create(broken), code("data_invalid"));
});
