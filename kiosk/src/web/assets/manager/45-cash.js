// The cash drawer: float, what is put in and taken out, and counts, by sum or piece by piece.

const CASH_TITLES = { count: "cash-do-count", float: "cash-do-float", in: "cash-do-in", out: "cash-do-out" };

function askCash(kind) {
  const dialog = $("cash");
  dialog.querySelector("form").reset();
  dialog.dataset.kind = kind;
  $("cash-title").textContent = word(CASH_TITLES[kind]);
  $("cash-text").textContent = kind === "count" ? word("cash-count-text") : "";
  $("cash-pieces").hidden = kind === "in" || kind === "out";
  $("cash-pieces").open = kind === "count";
  const why = kind === "in" || kind === "out";
  $("cash-reason").required = why;
  $("cash-reason").closest("label").hidden = !why;
  $("cash-trouble").textContent = "";
  openDialog(dialog, kind === "count" ? dialog.querySelector("[data-piece]") : $("cash-amount"));
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
  const amount = minorOf($("cash-amount").value, exponent);
  const tell = (text) => ($("cash-trouble").textContent = text);
  if (Number.isNaN(amount)) return tell(whyNot({ body: { errors: [{ pointer: "/amount" }] } }));
  const reason = $("cash-reason").value.trim();
  const body = { kind: dialog.dataset.kind, amount, ...(reason ? { reason } : {}) };
  const answer = await call("/api/v1/days/cash", { method: "POST", body }).catch(() => null);
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
