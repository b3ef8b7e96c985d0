// The script of all pages. Pages work without it; it makes them nicer.
"use strict";

// ---- Times in the reader's own zone, with how long ago that is.

const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return "just now";
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = moment.toLocaleString() + " (" + time.dateTime + ")";
    time.textContent = ago(moment);
  }
}

// ---- Light, dark, or as the system says.

const themes = ["system", "light", "dark"];

function applyTheme() {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function switchTheme(button) {
  const show = () => { button.textContent = "Theme: " + (localStorage.getItem("theme") || "system"); };
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const now = themes.indexOf(localStorage.getItem("theme") || "system");
    localStorage.setItem("theme", themes[(now + 1) % themes.length]);
    applyTheme();
    show();
  });
}

applyTheme();

// ---- New changes as they come: rows of a list that the page asks to keep fresh.

function followChanges(list) {
  const source = new EventSource("/changes");
  const state = document.querySelector("[data-live-state]");
  const say = (text) => { if (state) state.textContent = text; };
  source.onopen = () => say("live");
  source.onerror = () => say("not connected");
  const seen = (event) => {
    let change;
    try { change = JSON.parse(event.data); } catch { return; }
    if (!change.subject) return;
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = "/console/browse" + change.subject;
    link.textContent = change.subject;
    const kind = document.createElement("span");
    kind.className = "tag";
    kind.textContent = String(change.type || "").split(".").pop();
    const time = document.createElement("time");
    time.dateTime = change.time;
    item.append(kind, " ", link, " ", time);
    list.prepend(item);
    while (list.children.length > 12) list.lastElementChild.remove();
    showTimes(item);
  };
  source.onmessage = seen;
  for (const kind of ["created", "updated", "deleted", "restored", "deprecated"]) {
    for (const entity of ["registry", "group", "resource", "version"]) {
      source.addEventListener("io.xregistry." + entity + "." + kind, seen);
    }
  }
  addEventListener("pagehide", () => source.close());
}

// ---- The slider over the states of a document: it names the state's position in the field.

function travel(form) {
  const states = form.dataset.states.split(" ");
  const slider = form.querySelector("input[type=range]");
  if (!slider) return;
  const [at, output] = [form.querySelector("[name=at]"), form.querySelector("output")];
  slider.addEventListener("input", () => {
    at.value = states[slider.value - 1];
    output.textContent = slider.value + " of " + states.length;
  });
  slider.addEventListener("change", () => form.requestSubmit());
}

// ---- A document is judged while somebody types it: when typing stops, the server says what it finds.

const pauseMs = 600;

function judgeWhileTyping(form) {
  const region = form.querySelector("[data-findings]");
  let waiting, asked;
  const say = (...nodes) => region.replaceChildren(...nodes);
  const judge = async () => {
    if (asked) asked.abort();
    asked = new AbortController();
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.check, { method: "POST", body, signal: asked.signal });
      if (answer.status === 401) return say("You are signed out. Copy what you typed, and sign in again.");
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) say(...found.body.childNodes);
    } catch (error) {
      if (error.name !== "AbortError") say("The server doesn't answer.");
    }
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "why") return;
    clearTimeout(waiting);
    waiting = setTimeout(judge, pauseMs);
  });
}

// ---- The whole names of boxes whose labels are cut, where the page has no room for them.

function nameBoxes(drawing) {
  for (const box of drawing.querySelectorAll("a:not(:has(title))")) {
    const name = new URL(box.href.baseVal, location).searchParams.get("around");
    if (!name || !box.textContent.includes("…")) continue;
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = name;
    box.append(title);
  }
}

addEventListener("DOMContentLoaded", () => {
  for (const drawing of document.querySelectorAll(".drawing")) nameBoxes(drawing);
  for (const form of document.querySelectorAll("form[data-states]")) travel(form);
  showTimes(document);
  setInterval(() => showTimes(document), 60000);
  for (const button of document.querySelectorAll("[data-theme-switch]")) switchTheme(button);
  for (const list of document.querySelectorAll("[data-live]")) followChanges(list);
  for (const form of document.querySelectorAll("form[data-check]")) judgeWhileTyping(form);
  const menu = document.querySelector("[data-menu]");
  if (menu && matchMedia("(max-width: 52rem)").matches) menu.open = false;
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const find = document.getElementById("find");
      if (find) { event.preventDefault(); find.focus(); }
    }
  });
});
