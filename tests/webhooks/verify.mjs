// Verifies webhooks that were captured with the library standardwebhooks, and reads them with the SDK
// of CloudEvents: verify.mjs FILE COUNT

import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const [file, count] = process.argv.slice(2);
const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
if (lines.length !== Number(count)) throw new Error(`${lines.length} of ${count} were captured`);
const library = new Webhook(process.env.HOOK_SECRET);
const numbers = lines.map(({ headers, body }) => {
  library.verify(body, headers);
  let changed;
  try {
    changed = library.verify(body + " ", headers);
  } catch {
    changed = undefined;
  }
  if (changed !== undefined) throw new Error("a changed body verifies");
  const event = HTTP.toEvent({ headers, body });
  if (event.subject !== "/configs/app/entries/one") throw new Error(`the subject is ${event.subject}`);
  return event.data.number;
});
if (numbers.join() !== "1,2,3,4,5") throw new Error(`the order is ${numbers}`);
console.log(`${numbers.length} webhooks verified by JavaScript's standardwebhooks and read by its SDK of CloudEvents`);
