// Finds the part that is written in Rust, for this platform.
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

/** The name of the add-on on this platform. */
const file = `muster-registry.${process.platform}-${process.arch}.node`;

function load() {
  const path = join(__dirname, file);
  if (!existsSync(path)) {
    throw new Error(`${file} isn't there: build it with npm run build, which needs Rust`);
  }
  return require(path);
}

module.exports = { file, load };
