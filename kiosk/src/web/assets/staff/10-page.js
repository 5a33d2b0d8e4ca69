// What all pages of the staff share: words, calls, and taking over what differs on the server.
"use strict";

const $ = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const words = JSON.parse($("words").textContent);

/** A message of this page's language. */
const word = (key, values = {}) => (words[key] ?? key).replace(/\{\$(\w+)\}/g, (_, name) => values[name]);

/** A short word at the edge of the screen that goes away by itself. */
let toastTimer;
function toast(text, trouble = false) {
  const box = $("toast");
  box.hidePopover();
  box.textContent = text;
  box.classList.toggle("bad", trouble);
  box.showPopover();
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.hidePopover(), trouble ? 7000 : 2600);
}

/** Calls the kiosk. Gives {status, body, headers}; throws when no answer came in time. */
async function call(path, { method = "GET", body, timeout = 5000 } = {}) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
    cache: "no-store",
  });
  const json = response.headers.get("Content-Type")?.includes("json");
  return { status: response.status, headers: response.headers, body: json ? await response.json() : await response.text() };
}

/** Why something was refused, in this page's language: by the field it is about, else by its kind. */
function whyNot({ status, body }) {
  const kind = body?.type?.split("/").pop();
  const field = body?.errors?.[0]?.pointer?.split("/")[1];
  return words[`problem-at-${field}`] ?? words[`problem-${kind}-${body?.cause}`] ?? words[`problem-${kind}`] ?? word("problem-other", { status });
}

/** Something that changes the kiosk. Gives the answer, or null after telling why it was refused. */
async function act(path, { method = "POST", body = {} } = {}) {
  let answer;
  try {
    answer = await call(path, { method, body });
  } catch {
    toast(word("staff-no-answer"), true);
    return null;
  }
  if (answer.status < 300) return answer;
  if (answer.status === 401) location.reload();
  else if (answer.body?.type?.endsWith("illegal-transition")) toast(word("staff-moved-on"), true);
  else toast(word("staff-refused", { why: whyNot(answer) }), true);
  refresh();
  return null;
}

/** Makes `from` what `to` is, keeping what is the same: focus, scrolling and running animations. */
function morph(from, to) {
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of [...to.attributes]) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  const keyed = new Map();
  for (const child of from.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = wanted.dataset?.key;
    let mine = key ? keyed.get(key) : at;
    if (mine && (mine.nodeName !== wanted.nodeName || (!key && mine.dataset?.key))) mine = undefined;
    if (!mine) {
      from.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (mine === at) at = at.nextSibling;
    else from.insertBefore(mine, at);
    if (mine.nodeType === Node.ELEMENT_NODE) morph(mine, wanted);
    else if (mine.nodeValue !== wanted.nodeValue) mine.nodeValue = wanted.nodeValue;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Opens a dialog and gives the focus back to where it was once it closes. */
function openDialog(dialog, focus) {
  if (dialog.open) return;
  const before = document.activeElement;
  dialog.showModal();
  focus?.focus();
  dialog.addEventListener("close", () => before?.isConnected && before.focus({ preventScroll: true }), { once: true });
}

document.addEventListener("click", (event) => {
  const dialog = event.target.closest("dialog");
  if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
});
