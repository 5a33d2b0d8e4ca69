// The kitchen's screen: what this screen alone knows (its station, struck lines, voids it has seen),
// and what its keys and taps do.
"use strict";

const KEPT = "kitchen";
const rail = $("rail");

/** What outlives a reload of this screen. */
const mine = { tab: "", struck: {}, seen: [], sound: true };
try {
  Object.assign(mine, JSON.parse(localStorage.getItem(KEPT)));
} catch {
  // A browser without storage starts afresh.
}
function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(mine));
  } catch {
    // Then a reload forgets what was struck.
  }
}

const tabs = all("[data-tab]");
if (!tabs.some((tab) => tab.dataset.tab === mine.tab)) mine.tab = "";
const tickets = () => all("#tickets > .ticket");
const shown = () => tickets().filter((ticket) => !ticket.hidden);
const linesOf = (ticket) => all("li", ticket);
const hasTab = (line, tab) => !tab || line.dataset.station === tab;
const isStruck = (ticket, index) => mine.struck[ticket.dataset.order]?.includes(index) ?? false;
const live = (ticket) => ticket.dataset.status !== "voided";

/** Lines that this station has still to make. */
function open(ticket, tab) {
  return linesOf(ticket).filter((line, index) => hasTab(line, tab) && !isStruck(ticket, index));
}

function strike(ticket, index, is) {
  const order = ticket.dataset.order;
  const struck = new Set(mine.struck[order] ?? []);
  if (is) struck.add(index);
  else struck.delete(index);
  mine.struck[order] = [...struck];
  keep();
}

/** Gives the page what the server does not know: after every change here and every news from there. */
function dress() {
  const expo = mine.tab === "";
  const counts = new Map(tabs.map((tab) => [tab.dataset.tab, 0]));
  const known = new Set();
  for (const ticket of tickets()) {
    known.add(ticket.dataset.order);
    const lines = linesOf(ticket);
    lines.forEach((line, index) => {
      line.hidden = !hasTab(line, mine.tab);
      line.firstElementChild.setAttribute("aria-pressed", isStruck(ticket, index));
    });
    const here = lines.some((line) => !line.hidden);
    const seen = !live(ticket) && mine.seen.includes(ticket.dataset.order);
    ticket.hidden = !here || seen;
    for (const [tab, count] of counts) {
      if (live(ticket) && (tab ? open(ticket, tab).length : true)) counts.set(tab, count + 1);
    }
    dressBump(ticket, expo);
  }
  for (const tab of tabs) {
    const chosen = tab.dataset.tab === mine.tab;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    tab.querySelector("b").textContent = counts.get(tab.dataset.tab) || "";
  }
  rail.setAttribute("aria-labelledby", `tab-${mine.tab}`);
  $("none").hidden = shown().length > 0;
  const passing = all("#pass > li").length;
  $("pass-box").hidden = !expo;
  $("pass-none").hidden = passing > 0;
  $("pass-count").textContent = passing || "";
  for (const order of Object.keys(mine.struck)) if (!known.has(order)) delete mine.struck[order];
  mine.seen = mine.seen.filter((order) => known.has(order));
  allDay();
  tick();
  overflow();
}

/** At one station of several, the button speaks for that station's part alone. */
function dressBump(ticket, expo) {
  const part = !expo && linesOf(ticket).some((line) => line.hidden);
  const done = live(ticket) && part && open(ticket, mine.tab).length === 0;
  ticket.classList.toggle("done", done);
  if (!part || ticket.dataset.status !== "preparing") return;
  const bump = ticket.querySelector(".bump");
  bump.dataset.do = "mine";
  bump.textContent = word(done ? "kitchen-mine-done" : "kitchen-mine");
  bump.setAttribute("aria-disabled", done);
}

/** How many of each dish are still to be made here. */
function allDay() {
  const sums = new Map();
  for (const ticket of shown().filter(live)) {
    for (const line of open(ticket, mine.tab)) {
      const name = line.querySelector(".dish").textContent;
      const sum = sums.get(line.dataset.item) ?? { name, count: 0 };
      sum.count += Number(line.dataset.quantity);
      sums.set(line.dataset.item, sum);
    }
  }
  const rows = [...sums.values()].sort((a, b) => b.count - a.count).map(({ name, count }) => {
    const row = document.createElement("li");
    row.append(Object.assign(document.createElement("span"), { textContent: name }), Object.assign(document.createElement("b"), { textContent: count }));
    return row;
  });
  $("all-day").replaceChildren(...rows);
}

/** The kiosk's clock, as far as this browser's goes wrong. */
let ahead = Date.now() - Number($("clock").dataset.now);
const seconds = (from) => Math.max(0, Math.floor((Date.now() - ahead - Number(from)) / 1000));
const digits = (age) => `${Math.floor(age / 60)}:${String(age % 60).padStart(2, "0")}`;

function tick() {
  const care = Number(rail.dataset.care);
  const late = Number(rail.dataset.late);
  let oldest = -1;
  for (const ticket of tickets()) {
    const age = seconds(ticket.dataset.placed);
    ticket.querySelector(".age").textContent = digits(age);
    const heat = age >= late ? "late" : age >= care ? "care" : "fresh";
    for (const each of ["fresh", "care", "late"]) ticket.classList.toggle(each, each === heat);
    if (!ticket.hidden && live(ticket) && !ticket.classList.contains("done")) oldest = Math.max(oldest, age);
  }
  $("oldest").textContent = oldest < 0 ? "–" : digits(oldest);
  $("oldest").className = oldest >= late ? "late" : oldest >= care ? "care" : "";
}

/** Tells of tickets beyond the edge. */
function overflow() {
  const box = $("tickets");
  const edge = box.getBoundingClientRect().right;
  const beyond = shown().filter((ticket) => ticket.getBoundingClientRect().left > edge - 40).length;
  $("more").hidden = beyond === 0;
  if (beyond) $("more").textContent = word("kitchen-more", { count: beyond });
}

/** The choice of station. */
function choose(tab) {
  mine.tab = tab;
  keep();
  $("tickets").scrollLeft = 0;
  dress();
}

async function bump(button) {
  const ticket = button.closest(".ticket");
  const order = button.dataset.order ?? ticket.dataset.order;
  const what = button.dataset.do;
  if (what === "acknowledge") {
    mine.seen.push(order);
    keep();
    return dress();
  }
  if (what === "mine") {
    linesOf(ticket).forEach((line, index) => {
      if (!line.hidden) strike(ticket, index, true);
    });
    return dress();
  }
  const card = ticket ?? button;
  if (card.classList.contains("going")) return;
  // Not disabled: that would take the focus from those who work with keys.
  card.classList.add("going");
  const answer = await act(`/api/v1/orders/${order}/${what}`);
  if (answer) refresh(0);
  else card.classList.remove("going");
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tab]");
  if (tab) return choose(tab.dataset.tab);
  const button = event.target.closest("[data-do]");
  if (button) return bump(button);
  const line = event.target.closest(".ticket .line");
  if (line) {
    const ticket = line.closest(".ticket");
    if (!live(ticket)) return;
    const index = linesOf(ticket).indexOf(line.parentElement);
    strike(ticket, index, !isStruck(ticket, index));
    dress();
  }
});
$("recall").addEventListener("click", () => openDialog($("recalled"), $("recalled").querySelector(".close")));
$("more").addEventListener("click", () => {
  const box = $("tickets");
  const end = box.scrollLeft + box.clientWidth >= box.scrollWidth - 4;
  box.scrollTo({ left: end ? 0 : box.scrollLeft + box.clientWidth * 0.8 });
});
$("tickets").addEventListener("scroll", overflow);
addEventListener("resize", overflow);
