// Drives a browser through the console; see run.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { DRAWN_MAX, HUB, PRODUCT, SHOPS, seed } from "./seed.mjs";

const { CHROMIUM, MODULES, OPEN, KEYED, KEY, SCRATCH, PICTURES, MANY, DOCUMENTS } = process.env;
const require = createRequire(join(MODULES, "x.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(join(MODULES, "axe-core/axe.min.js"), "utf8");

const PAGE_BYTES_MAX = 100 * 1024;
const PATIENCE_MS = 20_000;

// How long the server takes for a page, at most: a bound for a debug build on a busy machine, where it
// takes about ten times as long as a release build on an idle one. With 100,000 documents, changes of
// one place are searched for in all entries.
const PAGE_MS_MAX = Number(DOCUMENTS) > 10_000 ? 5_000 : 1_000;
const faults = [];

function check(holds, what) {
  if (!holds) faults.push(what);
}

// ---- What the pages are to show: a second version, a schema, and a document that tries everything.

const nasty = {
  "</script><script>document.title='owned'</script>": "<img src=x onerror=\"document.title='owned'\">",
  control: "a\u0000b\u001b[31m\u202egpj.exe\u0085",
  entity: "&lt;b&gt;&amp;#x41;",
};

async function prepare(base) {
  const send = async (method, path, body, headers = {}) => {
    const answer = await fetch(base + path, { method, body, headers: { "content-type": "application/json", ...headers } });
    check(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? "" : await answer.text()}`);
    return answer;
  };
  const sanity = await (await fetch(`${base}/api/providers/cms/entries/sanity`)).text();
  await send("POST", "/api/providers/cms/entries/sanity", sanity.replace("65", "75"));
  const model = JSON.stringify({ groups: { notes: { singular: "note", resources: { pages: { singular: "page" } } } } });
  const source = await (await fetch(`${base}/api/modelsource`)).json();
  source.groups = { ...source.groups, ...JSON.parse(model).groups };
  await send("PUT", "/api/modelsource", JSON.stringify(source));
  await send("PUT", "/api/notes/all/pages/nasty", JSON.stringify(nasty));
  await send("PUT", "/api/notes/all/pages/text", "<script>document.title='owned'</script>\n", { "content-type": "text/html" });
}

// ---- The pages, each with something that must be on it.

const document = "/providers/cms/entries/sanity";
const schema = "/schemagroups/webstack/schemas/provider";
const pages = [
  ["", "Collections"],
  ["/browse", "providers"],
  ["/browse/providers", "ecommerce"],
  ["/browse/providers/cms", "sanity"],
  ["/browse/providers/cms/entries", "contentful"],
  ["/browse/providers/cms/entries?sort=monthly_cost_range%3Ddesc&q=visual", "tina"],
  [`/browse${document}`, "monthly_cost_range"],
  [`/browse${document}?at=2`, "The past"],
  [`/browse${document}/versions`, "default"],
  [`/browse${document}/versions/1`, "not the default"],
  [`/browse${schema}`, "provider"],
  ["/browse/notes/all/pages/nasty", "gpj.exe"],
  ["/browse/notes/all/pages/text", "<script>"],
  [`/history${document}`, "version 2"],
  [`/compare${document}`, "monthly_cost_range"],
  [`/compare${document}?view=inline`, "monthly_cost_range"],
  ["/compare", "position"],
  ["/search?q=visual", "tina"],
  ["/search?q=%3Cscript%3E", "documents"],
  ["/changes", "Since you opened this page"],
  ["/changes?place=providers/cms", "sanity"],
  ["/graph", "stacks/composed"],
  [`/graph?around=${document}&depth=3`, "What refers to it"],
  ["/graph?around=visual", "Documents with these words"],
  ["/propagation", "Nothing is sent anywhere"],
  ["/publications", "Nothing is published"],
  ["/providers", "No AI provider is live"],
  ["/ledger?position=2", "Path to the root"],
  ["/keys", "Create a key"],
  ["/metrics", "Requests by route"],
  ["/api", "/openapi.json"],
  ["/api/api", "Puts a document"],
  ["/api/ledger", "ledger:read"],
  ["/api/types/LogPage", "entries"],
  ["/nowhere", "no page"],
];

const browser = await puppeteer.launch({
  executablePath: CHROMIUM,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", `--user-data-dir=${SCRATCH}/profile`,
  ],
});

async function newPage(base, width, theme) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => check(false, `${page.url()}: ${error.message}`));
  page.on("console", (message) => {
    // The browser itself logs each answer that is an error, such as the page that isn't there.
    const isStatus = message.text().startsWith("Failed to load resource: the server responded");
    if (message.type() === "error" && !isStatus) check(false, `${page.url()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    check(url.startsWith(base) || url.startsWith("data:"), `${page.url()}: loads ${url}`);
  });
  return page;
}

async function open(page, url) {
  const answer = await page.goto(url, { waitUntil: "load" });
  return { status: answer.status(), bytes: (await answer.buffer()).length };
}

async function judge(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    globalThis.axe.run(globalThis.document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
  for (const violation of found.violations) {
    const places = violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join("; ");
    check(false, `${what}: ${violation.id}: ${violation.help} (${places})`);
  }
}

let seen = 0;

/** Opens a page and says what is wrong with it. Returns how long the server took, in milliseconds. */
async function look(page, base, [path, holds], what) {
  const { status, bytes } = await open(page, `${base}/console${path}`);
  const took = await page.evaluate(() => {
    const [timing] = globalThis.performance.getEntriesByType("navigation");
    return timing.responseEnd - timing.requestStart;
  });
  check(status === (path === "/nowhere" ? 404 : 200), `${what}: status ${status}`);
  check(bytes < PAGE_BYTES_MAX, `${what}: ${bytes} bytes`);
  const text = await page.evaluate(() => globalThis.document.body.innerText);
  check(text.includes(holds), `${what}: lacks ${JSON.stringify(holds)}`);
  check((await page.title()) !== "owned", `${what}: a document ran a script`);
  check(!/[\u0000\u001b\u0085\u202e]/.test(text), `${what}: shows control characters as they are`);
  const wide = await page.evaluate(() => globalThis.document.documentElement.scrollWidth - globalThis.innerWidth);
  check(wide <= 0, `${what}: ${wide} px wider than the window`);
  const unnamed = await page.evaluate(() =>
    [...globalThis.document.querySelectorAll(".drawing a")].filter((box) => box.textContent.includes("…") && !box.querySelector("title")).length);
  check(unnamed === 0, `${what}: ${unnamed} boxes don't have their whole names`);
  await judge(page, what);
  seen += 1;
  return { took, bytes };
}

await prepare(OPEN);
for (const width of [375, 1280]) {
  for (const theme of ["light", "dark"]) {
    const page = await newPage(OPEN, width, theme);
    for (const one of pages) await look(page, OPEN, one, `/console${one[0]} at ${width} px, ${theme}`);
    await page.close();
  }
}

// ---- The same pages, and those of large collections, in a registry with many documents.

const ofMany = [
  ["/browse", "shops"],
  ["/browse/shops", `shop_${SHOPS - 1}`],
  ["/browse/shops/shop_07", "product_"],
  ["/browse/shops/shop_07/products", "colour"],
  ["/browse/shops/shop_07/products?sort=price%3Ddesc&q=amber&field=colour%3Dbrass", "price"],
  ["/browse/shops/shop_07/products?where=stock%20%3C%20100", "price"],
  [`/browse${PRODUCT}`, "for rooms with"],
  [`/history${PRODUCT}`, "version 1"],
  [`/compare${PRODUCT}`, "added"],
  ["/compare/shops/shop_07", "added"],
  ["/compare?from=20", "added"],
  ["/search?q=lamp", "documents"],
  ["/search?q=amber&type=shops", "amber"],
  ["/search?q=%22amber%20lamp%22&type=shops%2Fproducts&field=colour%3Damber", "amber"],
  ["/changes?place=shops/shop_07", "products"],
  ["/changes?kind=group&place=shops", "shops"],
  ["/changes?kind=key", "Nothing happened here"],
  ["/graph", "shops/parts"],
  [`/graph?around=${HUB}`, `${DRAWN_MAX} names`],
  [`/graph?around=${HUB}&size=50`, "What it refers to"],
  ["/graph?around=lamp", "Documents with these words"],
  [`/browse${HUB}`, "It refers to"],
  ["/roll-back/shops/shop_07?to=20", "is deleted"],
];

async function lookAtMany(base, count) {
  await prepare(base);
  console.log(`${count} documents put in ${Math.round(await seed(base, count) / 1000)} s`);
  const times = new Map();
  // Each width and each theme once; the faster one of two answers says how fast the server is.
  for (const [width, theme] of [[375, "dark"], [1280, "light"]]) {
    const page = await newPage(base, width, theme);
    for (const one of [...pages, ...ofMany]) {
      const { took, bytes } = await look(page, base, one, `/console${one[0]} with ${count} documents at ${width} px, ${theme}`);
      times.set(one[0], { took: Math.min(took, times.get(one[0])?.took ?? took), bytes });
    }
    await page.close();
  }
  const slowest = [...times].sort(([, a], [, b]) => b.took - a.took);
  for (const [path, { took }] of slowest) {
    check(took < PAGE_MS_MAX, `/console${path} with ${count} documents: ${Math.round(took)} ms`);
  }
  for (const [path, { took, bytes }] of slowest.slice(0, 8)) console.log(`${Math.round(took)} ms, ${bytes} bytes: /console${path}`);
  await turnPages(base);
}

/** Turns the pages of a large collection: each shows other documents. */
async function turnPages(base) {
  const page = await newPage(base, 1280, "light");
  await open(page, `${base}/console/browse/shops/shop_07/products?sort=price`);
  const shown = () => page.$$eval("tbody a", (links) => links.map((link) => link.getAttribute("href")).filter((href) => href.includes("/products/")));
  const met = new Set();
  for (let turn = 0; turn < 3; turn += 1) {
    const names = await shown();
    check(names.length > 0 && names.every((name) => !met.has(name)), `page ${turn + 1} of products repeats some`);
    for (const name of names) met.add(name);
    if (turn === 2) break;
    const next = await page.$("a[rel='next']");
    check(next !== null, `page ${turn + 1} of products has no next one`);
    if (next === null) break;
    await Promise.all([page.waitForNavigation(), next.click()]);
  }
  await page.close();
}

if (MANY) await lookAtMany(MANY, Number(DOCUMENTS));

// ---- By keyboard alone: the skip link, the search, and what focus looks like.

{
  const page = await newPage(OPEN, 1280, "light");
  await open(page, `${OPEN}/`);
  check(page.url() === `${OPEN}/`, "the server's own address is not the console");
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => globalThis.document.activeElement.textContent);
  check(first === "Skip to the content", `the first thing that Tab reaches is ${first}`);
  await page.keyboard.press("Enter");
  await page.keyboard.press("/");
  await page.keyboard.type("visual");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check(page.url().includes("/console/search?q=visual"), `Enter in the search leads to ${page.url()}`);
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const state = await page.evaluate(() => {
      const element = globalThis.document.activeElement;
      const style = globalThis.getComputedStyle(element);
      return { name: element.textContent.trim(), href: element.getAttribute("href"), outline: style.outlineStyle };
    });
    check(state.outline !== "none" || !state.href, `${state.href}: focus can't be seen`);
    if (state.href?.endsWith("/tina")) break;
  }
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check(page.url().endsWith("/entries/tina"), `the found document is at ${page.url()}`);
  await page.close();
}

// ---- New changes come by themselves.

{
  const page = await newPage(OPEN, 1280, "light");
  await open(page, `${OPEN}/console`);
  await page.waitForFunction(() => globalThis.document.querySelector("[data-live-state]").textContent === "live");
  await fetch(`${OPEN}/api/notes/all/pages/live`, { method: "PUT", body: "{}", headers: { "content-type": "application/json" } });
  await page.waitForFunction(() => globalThis.document.querySelector("[data-live]").innerText.includes("/notes/all/pages/live"));
  await page.close();
}

// ---- Editing: a finding while typing, a refusal, somebody who was faster, a session that is over.

async function edit(page) {
  const address = `${KEYED}/console/edit${document}`;
  const api = `${KEYED}/api${document}`;
  const authorization = `Bearer ${KEY}`;
  const shown = () => page.evaluate(() => globalThis.document.body.innerText);
  const typed = () => page.$eval("#text", (field) => field.value);
  const type = (change) => page.$eval("#text", (field, [from, to]) => {
    field.value = field.value.replace(from, to);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }, change);
  const put = async () => {
    const button = await page.$("button[value='put']");
    await Promise.all([page.waitForNavigation(), button.click()]);
  };
  await open(page, address);
  await judge(page, "the page to edit");
  await type(["65,", "650,"]);
  await page.waitForFunction(() => globalThis.document.querySelector("#findings").innerText.includes("/monthly_cost_range"));
  await put();
  check((await shown()).includes("/monthly_cost_range"), "a refusal doesn't name the place");
  check((await typed()).includes("650,"), "a refusal loses what was typed");
  await judge(page, "a refused edit");

  await open(page, address);
  const before = await (await fetch(api, { headers: { authorization } })).text();
  await fetch(api, { method: "POST", body: before.replace("280", "290"), headers: { authorization, "content-type": "application/json" } });
  await type(["65,", "70,"]);
  await put();
  check((await shown()).includes("Nothing was changed"), "who was slower isn't told so");
  check((await typed()).includes("70,"), "a conflict loses what was typed");
  await judge(page, "a conflict");
  await put();
  check(page.url() === `${KEYED}/console/browse${document}`, `after the second put the page is ${page.url()}`);
  const after = await (await fetch(api, { headers: { authorization } })).text();
  check(after.includes("70,") && after.includes("280"), "the second put didn't put what was typed");

  await open(page, address);
  const cookies = await page.cookies();
  await page.deleteCookie(...cookies);
  await type(["70,", "72,"]);
  await put();
  const over = await shown();
  check(over.includes("nothing was changed"), "a session that is over isn't told of");
  check(await page.evaluate(() => globalThis.document.documentElement.outerHTML.includes("72,")), "what was typed is lost with the session");
  await page.setCookie(...cookies);
  await open(page, `${KEYED}/console/browse${document}`);
}

// ---- Signing in: a wrong key, a right one, a session that ends.

{
  const page = await newPage(KEYED, 375, "light");
  await open(page, `${KEYED}/console/browse/providers`);
  check(page.url().includes("/console/sign-in?to="), `without a key the page is ${page.url()}`);
  await judge(page, "the page to sign in");
  await page.type("#key", "muster_admin_wrong");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  const refused = await page.evaluate(() => globalThis.document.body.innerText);
  check(refused.includes("doesn't know that key"), "a wrong key is not refused in words");
  await page.type("#key", KEY);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check(page.url() === `${KEYED}/console/browse/providers`, `after signing in the page is ${page.url()}`);
  const cookies = await page.cookies();
  const session = cookies.find((cookie) => cookie.name === "muster-session");
  check(session?.httpOnly && session.sameSite === "Strict", "the cookie can be read or sent elsewhere");
  const api = await page.evaluate(async () => (await fetch("/api/providers")).status);
  check(api === 200, `the API answers the page's own read with ${api}`);
  const put = await page.evaluate(async () =>
    (await fetch("/api/notes", { method: "POST", body: "{}", headers: { "content-type": "application/json" } })).status);
  check(put === 401, `the API answers a change without the session's token with ${put}`);
  await edit(page);
  const out = await page.$("form[action$='/sign-out'] button");
  await Promise.all([page.waitForNavigation(), out.click()]);
  await open(page, `${KEYED}/console/browse/providers`);
  check(page.url().includes("/console/sign-in"), "a session goes on after signing out");
  await page.close();
}

if (PICTURES) {
  const page = await newPage(OPEN, 1280, "light");
  for (const [name, path] of [["overview", ""], ["document", `/history${document}`]]) {
    await open(page, `${OPEN}/console${path}`);
    await page.screenshot({ path: join(PICTURES, `console-${name}.png`) });
  }
}

await browser.close();
for (const fault of faults) console.log(fault);
if (faults.length > 0) {
  console.log(`${faults.length} faults on ${seen} pages`);
  process.exit(1);
}
console.log(`${seen} pages of the console in a browser, and what people do on them: right`);
