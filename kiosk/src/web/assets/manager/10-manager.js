// The manager's pages: actions on orders, stock and the day. Everything shown comes from the server.
"use strict";

page.pause = 400;
const lang = document.body.dataset.lang;

/** Asks something; gives whether the answer was yes. */
function ask({ title, text, yes, warning }) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-warning").textContent = warning ?? "";
  $("ask-warning").hidden = !warning;
  $("ask-yes").textContent = yes;
  dialog.returnValue = "";
  openDialog(dialog, dialog.querySelector("[data-close]"));
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

/** The order in the dialog, as it is now. */
async function showOrder(id) {
  const dialog = $("order");
  let answer;
  try {
    answer = await call(`/manager/orders/${id}?lang=${lang}`);
  } catch {
    return toast(word("staff-no-answer"), true);
  }
  if (answer.status === 401 || answer.status === 403) return location.reload();
  if (answer.status !== 200) return toast(word("staff-refused", { why: whyNot(answer) }), true);
  dialog.replaceChildren(...new DOMParser().parseFromString(answer.body, "text/html").body.childNodes);
  if (!dialog.open) openDialog(dialog, dialog.querySelector("[data-close]"));
}

async function actOn(id, action, body = {}) {
  const answer = await act(`/api/v1/orders/${id}/${action}`, { body });
  if (answer) {
    toast(word("staff-done"));
    refresh(0);
  }
  if ($("order").open) await showOrder(id);
}

function askWhy(button) {
  const sheet = button.closest("article");
  for (const form of all(".why", sheet)) form.hidden = form.dataset.for !== button.dataset.act;
  for (const other of all("[data-why]", sheet)) other.setAttribute("aria-expanded", other === button);
  const form = sheet.querySelector(`.why[data-for="${button.dataset.act}"]`);
  if (form.elements.given) offerNotes(sheet, form);
  (form.elements.given ?? form.elements.reason).focus();
  form.scrollIntoView({ block: "end" });
}

async function turn(button) {
  const on = button.getAttribute("aria-checked") !== "true";
  button.setAttribute("aria-checked", on);
  const answer = await act(`/api/v1/items/${encodeURIComponent(button.dataset.sell)}/availability`, { method: "PUT", body: { available: on } });
  if (!answer) button.setAttribute("aria-checked", !on);
  else toast(word(on ? "manager-on-sale-now" : "manager-sold-out-now", { name: button.dataset.name }));
  refresh(0);
}

function askCount(button) {
  const dialog = $("count");
  const { count: item, name, left } = button.dataset;
  $("count-title").textContent = word("manager-count-for", { name });
  $("count-left").value = left;
  dialog.returnValue = "";
  openDialog(dialog, $("count-left"));
  dialog.addEventListener("close", async () => {
    const number = $("count-left").valueAsNumber;
    if (dialog.returnValue === "count" && !Number.isInteger(number)) return;
    if (!["count", "uncount"].includes(dialog.returnValue)) return;
    const body = { left: dialog.returnValue === "count" ? number : null };
    const answer = await act(`/api/v1/items/${encodeURIComponent(item)}/availability`, { method: "PUT", body });
    if (answer) toast(word("manager-counted-now", { name }));
    refresh(0);
  }, { once: true });
}

async function changeDay(button) {
  const { day, title, text, yes, warning } = button.dataset;
  if (!await ask({ title, text, yes, warning })) return;
  const answer = await act(`/api/v1/days/${day}`);
  if (!answer) return;
  if (day === "close") location.href = `/manager/report?lang=${lang}&date=${answer.body.business_date}`;
  else {
    toast(word("manager-opened-now"));
    refresh(0);
  }
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const button = at("button");
  if (!button) return;
  if (button.dataset.open) showOrder(button.dataset.open);
  else if ("why" in button.dataset) askWhy(button);
  else if (button.dataset.act) actOn(button.dataset.order, button.dataset.act);
  else if (button.dataset.sell) turn(button);
  else if (button.dataset.count) askCount(button);
  else if (button.dataset.turn) askTurn(button);
  else if (button.dataset.print) printJob(button);
  else if (button.dataset.printTest) testPage(button);
  else if (button.dataset.slip) slip(button);
  else if (button.dataset.day) changeDay(button);
  else if ("reason" in button.dataset) button.closest("form").elements.reason.value = button.textContent;
  else if (button.id === "print") print();
  else if (button.id === "sign-out") call("/api/v1/sessions", { method: "DELETE" }).finally(() => location.reload());
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.classList.contains("why")) return;
  event.preventDefault();
  if (form.dataset.for === "pay") return receive(form);
  const reason = form.elements.reason.value.trim();
  if (!reason) return toast(word("manager-reason-missing"), true);
  if (form.dataset.for === "discard") return discard(reason);
  if (form.dataset.for === "switch") return turnSwitch(reason);
  const sheet = form.closest("article");
  const body = { reason };
  if (form.elements.how?.value === "lines") {
    body.lines = chosenLines(form);
    body.version = Number(sheet.dataset.version);
    if (!body.lines.length) return toast(word("order-choose-lines"), true);
  }
  actOn(sheet.dataset.order, form.dataset.for, body);
});

// Ages grow also when nothing happens.
setInterval(() => refresh(), 10000);
