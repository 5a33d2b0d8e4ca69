// Money in an order's dialog: cash and change, and refunds of some dishes.

/** An amount as the server writes it. */
function moneyText(format, minor) {
  const digits = String(Math.abs(minor)).padStart(format.exponent + 1, "0");
  const whole = digits.slice(0, digits.length - format.exponent).replace(/\B(?=(\d{3})+$)/g, format.group);
  const part = format.exponent ? format.decimal + digits.slice(-format.exponent) : "";
  return (minor < 0 ? "−" : "") + format.pattern.replace("¤", format.symbol).replace("#", whole + part);
}

/** What somebody typed, in minor units; NaN if it is no amount. */
function minorOf(text, exponent) {
  const found = /^(\d{1,12})(?:[.,](\d+))?$/.exec(text.replace(/[^\d.,]/g, ""));
  if (!found || (found[2] ?? "").length > exponent) return NaN;
  return Number(found[1]) * 10 ** exponent + Number((found[2] ?? "").padEnd(exponent, "0") || 0);
}

/** The amounts that diners hand over most: just right, and the notes above. */
function offerNotes(sheet, form) {
  const box = form.querySelector("[data-notes]");
  const format = JSON.parse(sheet.dataset.money);
  const due = Number(sheet.dataset.toPay);
  const unit = 10 ** format.exponent;
  const notes = [5, 10, 20, 50, 100].map((note) => Math.ceil(due / (note * unit)) * note * unit);
  box.replaceChildren(...[...new Set([due, ...notes])].slice(0, 5).map((minor) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.given = minor;
    button.textContent = moneyText(format, minor);
    return button;
  }));
  drawChange(form);
}

function drawChange(form) {
  const sheet = form.closest("article");
  const format = JSON.parse(sheet.dataset.money);
  const cash = form.elements.tender.value === "cash";
  form.querySelector(".order-cash").hidden = !cash;
  const given = minorOf(form.elements.given.value, format.exponent);
  const change = given - Number(sheet.dataset.toPay);
  form.elements.change.value = Number.isNaN(change) ? "–" : moneyText(format, change);
  form.elements.change.classList.toggle("short", change < 0);
}

function receive(form) {
  if (form.elements.tender.value === "cash" && form.elements.change.classList.contains("short")) return toast(word("order-too-little"), true);
  actOn(form.closest("article").dataset.order, "pay", { tender: form.elements.tender.value });
}

/** The dishes to be given back, as the API wants them. */
function chosenLines(form) {
  const chosen = all("[data-line]", form).map((row) => ({ line: Number(row.dataset.line), quantity: Number(row.querySelector("output").value) }));
  return chosen.filter(({ quantity }) => quantity > 0);
}

function countUnits(button) {
  const row = button.closest("[data-line]");
  const box = row.querySelector("output");
  box.value = Math.min(Math.max(Number(box.value) + Number(button.dataset.units), 0), Number(row.dataset.left));
  const form = row.closest("form");
  const sum = chosenLines(form).reduce((sum, { line, quantity }) => {
    const amounts = form.querySelector(`[data-line="${line}"]`).dataset.amounts.split(" ");
    return sum + Number(amounts[quantity - 1]);
  }, 0);
  form.querySelector(".order-back-sum").value = moneyText(JSON.parse(form.closest("article").dataset.money), sum);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.units) countUnits(button);
  if (!button?.dataset.given) return;
  const form = button.closest("form");
  const { exponent } = JSON.parse(form.closest("article").dataset.money);
  form.elements.given.value = (Number(button.dataset.given) / 10 ** exponent).toFixed(exponent);
  drawChange(form);
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form.why");
  if (form?.classList.contains("order-pay")) drawChange(form);
  if (event.target.name === "how") form.querySelector(".order-back").hidden = event.target.value !== "lines";
});
