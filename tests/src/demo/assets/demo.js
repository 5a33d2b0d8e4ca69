// The page is drawn by the server; this keeps its numbers true and carries the buttons' wishes.

const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const language = document.documentElement.lang;
let state = JSON.parse($("state").textContent);

const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });

const at = (path) => path.split(".").reduce((value, key) => value?.[key], state);
const size = (bytes) => (bytes < 1e4 ? `${bytes} B` : bytes < 1e7 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`);

function draw() {
  for (const node of all("[data-text]")) set(node, String(at(node.dataset.text) ?? "–"));
  for (const node of all("[data-is]")) node.dataset.state = at(node.dataset.is);
  for (const node of all("[data-if]")) node.hidden = !at(node.dataset.if);
  for (const node of all("[data-unless]")) node.hidden = at(node.dataset.unless);
  for (const node of all("[data-bytes]")) set(node, size(at(node.dataset.bytes)));
  for (const node of all("[data-pressed]")) {
    const [path, mode] = node.dataset.pressed.split("=");
    node.ariaPressed = String(at(path) === mode);
  }
  all("[data-flow]").forEach(drawFlow);
  all("[data-slips]").forEach(drawSlips);
  drawArrivals();
  drawHappenings();
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Something moves on a wire while its count of bytes does. */
function drawFlow(wire) {
  const bytes = at(wire.dataset.flow);
  wire.classList.toggle("flows", wire.seen !== undefined && bytes > wire.seen);
  wire.seen = bytes;
}

/** One slip of paper for each order that waits. */
const MOST_SLIPS = 60;
function drawSlips(queue) {
  const wanted = Math.min(at(queue.dataset.slips) ?? 0, MOST_SLIPS);
  while (queue.childElementCount > wanted) queue.lastElementChild.remove();
  while (queue.childElementCount < wanted) queue.append(document.createElement("i"));
}

function drawArrivals() {
  const rows = state.cloud.arrivals.map(({ number, kiosk, total }) => {
    const row = document.createElement("li");
    row.append(Object.assign(document.createElement("b"), { textContent: number }));
    for (const text of [kiosk, total]) row.append(Object.assign(document.createElement("span"), { textContent: text }));
    return row;
  });
  $("arrivals").replaceChildren(...rows);
}

function drawHappenings() {
  const list = $("happenings");
  $("none").hidden = state.happened.length > 0;
  const newest = Number(list.firstElementChild?.dataset.id ?? 0);
  for (const one of state.happened.filter((one) => one.id > newest).reverse()) {
    const row = document.createElement("li");
    row.dataset.id = one.id;
    row.dataset.kind = one.kind;
    const time = Object.assign(document.createElement("time"), { textContent: clock.format(new Date(one.at)) });
    row.append(time, one.text);
    list.prepend(row);
  }
  while (list.childElementCount > state.happened.length) list.lastElementChild.remove();
}

async function look() {
  try {
    const answer = await fetch(`/state?lang=${language}`, { signal: AbortSignal.timeout(4000) });
    state = await answer.json();
    $("lost").hidden = true;
    draw();
  } catch {
    $("lost").hidden = false;
  }
  setTimeout(look, 500);
}

let quiet;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => ($("toast").hidden = true), 6000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do]");
  if (!button || button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    const answer = await fetch(`/do/${button.dataset.do}`, { method: "POST", headers: { "X-Lab": "1" } });
    if (!answer.ok) toast(await answer.text());
  } catch {
    toast($("lost").textContent);
  }
  button.ariaBusy = "false";
});

draw();
look();
