// Builds the add-on with cargo and puts it beside this file: node build.js [PROFILE]
"use strict";

const { execFileSync } = require("node:child_process");
const { copyFileSync, renameSync } = require("node:fs");
const { join } = require("node:path");
const { file } = require("./native.js");

const profile = process.argv[2] ?? "release";
const arguments_ = ["build", "--locked", "--package", "muster-javascript", "--profile", profile];
const told = execFileSync("cargo", [...arguments_, "--message-format", "json-render-diagnostics"], {
  cwd: __dirname,
  stdio: ["ignore", "pipe", "inherit"],
  maxBuffer: 1 << 28,
});
// cargo says where the library is, so that no folder is guessed.
const library = told
  .toString()
  .split("\n")
  .filter((line) => line.includes('"muster_javascript"') && line.startsWith("{"))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === "compiler-artifact")
  .flatMap((message) => message.filenames)
  .find((name) => /\.(so|dylib|dll)$/.test(name));
if (library === undefined) throw new Error("cargo built no library");
const to = join(process.env.OUT ?? __dirname, file);
// A process may have loaded the old one.
copyFileSync(library, `${to}.new`);
renameSync(`${to}.new`, to);
