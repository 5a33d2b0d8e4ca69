// From the first touch to the next diner: stages, ways to see the screen, idleness, the clean slate.

const STAGES = ["attract", "service", "menu", "done"];
let stage = null;
let keyboard = false;

function showStage(name) {
  stage = STAGES.includes(name) ? name : "attract";
  keep.set("stage", stage);
  document.documentElement.dataset.stage = stage;
  for (const section of all(".stage")) section.hidden = section.id !== stage;
  $("shop").inert = stage !== "menu";
  clearInterval(finishTimer);
  $("toast").hidePopover();
  if (stage === "done") drawDone();
  else placed = null;
  const first = { attract: $("start"), service: document.querySelector("[data-service]"), menu, done: $("thanks") }[stage];
  // The first screen waits for a finger; a ring around its button would only puzzle.
  if (stage !== "attract" || keyboard) first?.focus({ preventScroll: true });
  stirred();
}

function chooseService(service) {
  cart.service = service;
  keep.set("cart", cart);
  drawService();
  showStage("menu");
  if (cart.lines.length) askPrice();
}

function drawService() {
  $("service-name").textContent = cart.service === "take_away" ? say("take-away") : say("eat-in");
}

/** Nothing of one diner is left for the next: not the order, not the note, not the larger text. */
function startOver() {
  for (const dialog of all("dialog[open]")) dialog.close();
  clearInterval(finishTimer);
  keep.clear();
  keepTerminal();
  cart = fresh();
  quote = null;
  placed = null;
  priceRound++;
  itemSheet.replaceChildren();
  setModes([]);
  setDiet({ suits: [], without: [] });
  setHelp(null);
  speech?.cancel();
  $("qr").querySelector("img").removeAttribute("src");
  for (const part of ["number", "due", "where-to", "bought", "truth", "lines", "found"]) $(part).replaceChildren();
  $("search-for").value = "";
  $("toast").hidePopover();
  menu.scrollTo({ top: 0, behavior: "instant" });
  drawService();
  drawBasket();
  showStage("attract");
  ownLanguage();
}

/** The next diner is met in the store's own language, on a fresh page, if the kiosk can give one. */
async function ownLanguage() {
  const home = terminal ? `/?terminal=${encodeURIComponent(terminal)}` : "/";
  if (location.pathname + location.search === home || lost) return;
  const there = await fetch(home).then((answer) => answer.ok, () => false);
  if (there && stage === "attract") location.replace(home);
}

async function askStartOver() {
  if (!cart.lines.length) return startOver();
  if (await ask({ title: say("over-title"), text: say("over-text"), yes: say("over-yes"), no: say("keep") })) startOver();
}

// Larger text, high contrast, lower screen: for this diner only.
const MODES = all("[data-mode]").map((button) => button.dataset.mode);
function setModes(modes) {
  keep.set("modes", modes);
  for (const mode of MODES) document.documentElement.classList.toggle(mode, modes.includes(mode));
  for (const button of all("[data-mode]")) button.ariaPressed = String(modes.includes(button.dataset.mode));
}
for (const button of all("[data-mode]")) {
  button.addEventListener("click", () => {
    const now = keep.get("modes", []);
    const mode = button.dataset.mode;
    setModes(now.includes(mode) ? now.filter((other) => other !== mode) : [...now, mode]);
  });
}

/** Who needs larger text, a lower screen or a voice may need more time as well. */
const patience = () => (keep.get("modes", []).length ? 2 : 1);

// Idle: a minute, then half a minute's warning; never while an order is on its way.
const IDLE = 60;
const WARNING = 30;
let lastStir = performance.now();
const idle = $("idle");
function stirred() {
  lastStir = performance.now();
  if (idle.open) idle.close();
}
for (const kind of ["pointerdown", "keydown", "wheel", "touchmove", "scroll"]) {
  document.addEventListener(kind, () => !idle.open && stirred(), { capture: true, passive: true });
}
idle.addEventListener("click", (event) => (event.target.closest("#idle-over") ? startOver() : stirred()));
idle.addEventListener("close", () => (lastStir = performance.now()));
setInterval(() => {
  if (stage === "attract" || stage === "done" || sendingNow) {
    lastStir = performance.now();
    return;
  }
  const quiet = (performance.now() - lastStir) / 1000 / patience();
  if (quiet < IDLE) return;
  if (!idle.open) open(idle, $("idle-stay"));
  const seconds = Math.ceil((IDLE + WARNING - quiet) * patience());
  idle.querySelector(".countdown").textContent = Math.max(seconds, 0);
  if (seconds <= 0) startOver();
}, 250);

$("attract").addEventListener("click", (event) => event.target.closest("a") || showStage("service"));
document.addEventListener("pointerdown", () => (keyboard = false), true);
document.addEventListener("keydown", (event) => {
  keyboard = true;
  if (stage === "attract" && event.key === "Enter" && document.activeElement === document.body) {
    event.preventDefault();
    showStage("service");
  }
});
$("service-back").addEventListener("click", () => showStage("attract"));
$("change-service").addEventListener("click", () => showStage("service"));
for (const tile of all("[data-service]")) tile.addEventListener("click", () => chooseService(tile.dataset.service));
$("start-over").addEventListener("click", askStartOver);
$("finish").addEventListener("click", startOver);
$("sending").addEventListener("cancel", (event) => event.preventDefault());
document.addEventListener("contextmenu", (event) => event.preventDefault());

// A language link loads the page anew; the place in the menu comes along.
addEventListener("pagehide", () => keep.set("scroll", menu.scrollTop));

dressMenu();
setModes(keep.get("modes", []));
drawVoice();
drawHelp();
drawService();
drawBasket();
showStage(sessionStorage.getItem("stage") ?? "attract");
menu.scrollTo({ top: keep.get("scroll", 0), behavior: "instant" });
if (cart.lines.length) askPrice(0);
const unfinished = keep.get("sending", null);
if (unfinished) send(unfinished);
// Pictures further down come once the first screen stands, not when they are needed: the kiosk may
// be away by then.
addEventListener("load", () => setTimeout(() => all("img[loading]").forEach((picture) => (picture.loading = "eager")), 500));
navigator.serviceWorker?.register("/worker.js").catch(() => {});
listen();
refreshMenu();
refreshHelp();
pulse();
