// The cash drawer: float, what is put in and taken out, and counts, by sum or piece by piece.

const CASH_TITLES = { count: "cash-do-count", float: "cash-do-float", in: "cash-do-in", out: "cash-do-out", open: "cash-do-open" };
const CASH_TEXTS = { count: "cash-count-text", open: "cash-open-text" };

function askCash(kind) {
  const dialog = $("cash");
  dialog.querySelector("form").reset();
  dialog.dataset.kind = kind;
  $("cash-title").textContent = word(CASH_TITLES[kind]);
  $("cash-text").textContent = CASH_TEXTS[kind] ? word(CASH_TEXTS[kind]) : "";
  const why = kind !== "count" && kind !== "float";
  $("cash-pieces").hidden = why;
  $("cash-pieces").open = kind === "count";
  $("cash-amount").required = kind !== "open";
  $("cash-amount").closest("label").hidden = kind === "open";
  $("cash-reason").required = why;
  $("cash-reason").closest("label").hidden = !why;
  $("cash-trouble").textContent = "";
  const first = { count: dialog.querySelector("[data-piece]"), open: $("cash-reason") };
  openDialog(dialog, first[kind] ?? $("cash-amount"));
}

/** What was counted piece by piece, as the amount. */
function addPieces() {
  const { exponent } = JSON.parse($("cash").dataset.money);
  const sum = all("[data-piece]").reduce((sum, piece) => sum + Number(piece.dataset.piece) * (piece.valueAsNumber || 0), 0);
  $("cash-amount").value = (sum / 10 ** exponent).toFixed(exponent);
}

async function keepCash() {
  const dialog = $("cash");
  const { exponent } = JSON.parse(dialog.dataset.money);
  const { kind } = dialog.dataset;
  const amount = minorOf($("cash-amount").value, exponent);
  const tell = (text) => ($("cash-trouble").textContent = text);
  if (kind !== "open" && Number.isNaN(amount)) return tell(whyNot({ body: { errors: [{ pointer: "/amount" }] } }));
  const reason = $("cash-reason").value.trim();
  const said = reason ? { reason } : {};
  const [path, body] = kind === "open" ? ["/api/v1/drawer/open", said] : ["/api/v1/days/cash", { kind, amount, ...said }];
  const answer = await call(path, { method: "POST", body }).catch(() => null);
  if (!answer) return tell(word("staff-no-answer"));
  if (answer.status === 401) return location.reload();
  if (answer.status >= 300) return tell(whyNot(answer));
  dialog.close();
  toast(word("staff-done"));
  refresh(0);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-cash]");
  if (button) askCash(button.dataset.cash);
});

document.addEventListener("input", (event) => {
  if (event.target.dataset.piece) addPieces();
});

document.addEventListener("submit", (event) => {
  if (!event.target.classList.contains("day-form")) return;
  event.preventDefault();
  keepCash();
});
