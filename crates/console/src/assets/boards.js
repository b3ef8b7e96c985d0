// The script of pages about the server. They work without it; it shows what happens as it happens.
"use strict";

// ---- The progress of a verification, line by line.

function said(line) {
  const count = (value) => Number(value).toLocaleString("en");
  if (line.verified === true) {
    const signed = line.checkpoint
      ? " Checkpoint of " + count(line.checkpoint.size) + " signed by " + line.checkpoint.key + "."
      : "";
    return "The ledger verifies: " + count(line.entries) + " entries, " + count(line.contents)
      + " contents; chain, tree, contents and fold agree." + signed;
  }
  if (line.verified === false) {
    const place = line.fault.position ? " Position " + count(line.fault.position) + "." : "";
    return "The ledger does not verify: " + line.fault.what + "." + place;
  }
  return count(line.checked) + " of " + count(line.of) + " entries verified";
}

async function verify(form, state) {
  const token = form.elements.token.value;
  const answer = await fetch("/ledger/verify", {
    method: "POST",
    headers: token ? { "muster-session-token": token } : {},
  });
  if (!answer.ok || !answer.body) throw new Error("status " + answer.status);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let last = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.trim()) continue;
      last = JSON.parse(line);
      state.textContent = said(last);
    }
  }
  if (rest.trim()) last = JSON.parse(rest);
  if (!last || last.verified === undefined) throw new Error("no result");
  state.textContent = said(last);
  state.className = "notice " + (last.verified ? "good" : "bad");
}

for (const form of document.querySelectorAll("[data-verify]")) {
  const state = form.querySelector("[data-verify-state]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    state.className = "";
    state.textContent = "Verifying…";
    try {
      await verify(form, state);
      button.disabled = false;
    } catch {
      // The form does the same, with a page that says what is wrong.
      form.submit();
    }
  });
}

// ---- What happens to live providers.

for (const list of document.querySelectorAll("[data-provider-events]")) {
  list.closest("section").hidden = false;
  const source = new EventSource("/providers/events");
  const seen = (event) => {
    let told;
    try { told = JSON.parse(event.data); } catch { return; }
    const item = document.createElement("li");
    const kind = document.createElement("span");
    kind.className = "tag";
    kind.textContent = told.event;
    const facts = Object.entries(told.facts || {}).map(([name, value]) => name + ": " + value);
    const moment = new Date(told.time).toLocaleTimeString();
    item.append(moment + " ", kind, " " + told.provider + " " + facts.join(", "));
    list.prepend(item);
    while (list.children.length > 30) list.lastElementChild.remove();
  };
  source.onmessage = seen;
  for (const kind of [
    "provider-registered", "provider-unregistered", "provider-error", "health-status-changed",
    "circuit-breaker-opened", "circuit-breaker-closed",
  ]) source.addEventListener(kind, seen);
  addEventListener("pagehide", () => source.close());
}
