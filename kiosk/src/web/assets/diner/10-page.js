// The diner's page: what all its parts share. The parts of this folder are served as one module.

const $ = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
let facts = JSON.parse($("facts").textContent);
const plurals = new Intl.PluralRules(facts.language);

/** A message of this language; a plural one by its `count`. */
function say(key, values = {}) {
  let text = facts.words[key];
  if (typeof text === "object") text = text[plurals.select(values.count)] ?? text.other;
  return text.replace(/\{\$(\w+)\}/g, (_, name) => values[name]);
}

/** An amount in minor units, as the server writes it. */
function money(minor) {
  const { symbol, exponent, pattern, decimal, group } = facts.money;
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const cut = digits.length - exponent;
  let amount = digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, group);
  if (exponent) amount += decimal + digits.slice(cut);
  return (minor < 0 ? "−" : "") + pattern.replace("¤", () => symbol).replace("#", () => amount);
}

/** What survives a reload of this tab, and nothing else does. */
const keep = {
  get(name, otherwise) {
    try {
      return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      sessionStorage.setItem(name, typeof value === "string" ? value : JSON.stringify(value));
    } catch {
      // A full or forbidden storage costs the cart at a reload, not now.
    }
  },
  clear() {
    sessionStorage.clear();
  },
};

/** The name of this screen, as its address gave it; it is the place's, not the diner's. */
const terminal = (new URLSearchParams(location.search).get("terminal") ?? keep.get("terminal", "")).replace(/\p{Cc}/gu, "").trim().slice(0, 40);
const keepTerminal = () => terminal && keep.set("terminal", JSON.stringify(terminal));
keepTerminal();

/** A short word at the edge of the screen that goes away by itself. */
let toastTimer;
function toast(text, trouble = false) {
  const box = $("toast");
  box.hidePopover();
  box.textContent = text;
  box.classList.toggle("bad", trouble);
  box.showPopover();
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.hidePopover(), trouble ? 6000 : 2600);
}

/** Opens a dialog and gives the focus back to where it was once it closes. */
function open(dialog, focus) {
  if (dialog.open) return;
  const before = document.activeElement;
  dialog.showModal();
  (focus ?? dialog.querySelector("h2"))?.focus({ preventScroll: true });
  dialog.addEventListener("close", () => before?.isConnected && before.focus({ preventScroll: true }), { once: true });
}

/** Asks something; gives whether the answer was yes. `no` may be left out. */
function ask({ title, text, yes, no, compare }) {
  const dialog = $("ask");
  if (dialog.open) return Promise.resolve(false);
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask-no").textContent = no ?? "";
  $("ask-no").hidden = !no;
  $("ask-compare").hidden = !compare;
  $("ask-compare").replaceChildren(...(compare ?? []).map(([label, amount]) => {
    const box = document.createElement("p");
    box.append(label, Object.assign(document.createElement("b"), { textContent: amount }));
    return box;
  }));
  dialog.returnValue = "";
  open(dialog, no ? $("ask-no") : $("ask-yes"));
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}
$("ask-yes").addEventListener("click", () => $("ask").close("yes"));
$("ask-no").addEventListener("click", () => $("ask").close("no"));

/** A tap beside a sheet closes it, as does its own button. */
for (const dialog of all("dialog.sheet")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}
