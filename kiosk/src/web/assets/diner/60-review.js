// The whole order, to look at once more before it goes to the kitchen.

const review = $("order");

function openReview() {
  if (!cart.lines.length) return;
  drawReview();
  if (review.open) return;
  open(review);
  review.querySelector(".sheet-body").scrollTo({ top: 0, behavior: "instant" });
  $("lines").querySelector(".troubled")?.scrollIntoView({ block: "nearest", behavior: "instant" });
}

function drawReview() {
  if (!cart.lines.length) return review.close();
  const focused = document.activeElement?.closest?.(".line")?.dataset.id;
  const control = document.activeElement?.classList;
  $("lines").replaceChildren(...cart.lines.map(lineRow));
  $("table").hidden = cart.service !== "eat_in";
  $("table-number").textContent = cart.table;
  $("grand").textContent = money(toPay());
  drawExtras();
  $("subtotal").textContent = quote ? money(quote.subtotal) : "…";
  $("tax").textContent = quote ? money(quote.tax) : "…";
  if (focused && control) {
    const row = $("lines").querySelector(`[data-id="${focused}"]`);
    (row?.querySelector(`button.${control[control.length - 1]}:not(:disabled)`) ?? $("lines").querySelector("button"))?.focus();
  }
}

/** What goes beside the lines: allergens, one suggestion, the coupon, the tip and what was taken off. */
function drawExtras() {
  const held = [...new Set((quote?.lines ?? []).flatMap((line) => line.allergens ?? []))];
  $("holds").hidden = !held.length;
  $("holds-what").textContent = held.map((id) => facts.allergens[id] ?? id).join(" · ");
  const offered = quote?.suggestion?.item;
  const card = cart.offered || !fits(offered) ? null : cardOf(offered);
  $("offer").hidden = !card;
  if (card) {
    $("offer-picture").src = pictureOf(quote.suggestion.item);
    $("offer-name").textContent = nameOf(quote.suggestion.item);
    $("offer-price").textContent = money(Number(card.dataset.unit));
  }
  all(".off", $("sums")).forEach((row) => row.remove());
  $("sums").prepend(...(quote?.discounts ?? []).map(({ name, amount }) => sumRow(inWords(name), money(-amount))));
  $("tip-row").hidden = !quote?.tip;
  $("tip-sum").textContent = money(quote?.tip ?? 0);
  for (const button of all("[data-tip]")) {
    const rate = button.dataset.tip;
    button.ariaPressed = String(rate ? cart.tip?.percent === rate : !cart.tip);
    if (rate) button.querySelector("small").textContent = money(Math.round(cartTotal() * rate));
  }
  if (!$("coupon")) return;
  if (document.activeElement !== $("code")) $("code").value = cart.coupon;
  $("coupon-said").textContent = cart.coupon ? (quote ? say("coupon-yes") : "") : cart.couponSaid ?? "";
}

function sumRow(label, amount) {
  const row = Object.assign(document.createElement("div"), { className: "off" });
  for (const [tag, text] of [["dt", label], ["dd", amount]]) row.append(Object.assign(document.createElement(tag), { textContent: text }));
  return row;
}

$("coupon")?.addEventListener("submit", (event) => {
  event.preventDefault();
  cart.coupon = $("code").value.trim();
  delete cart.couponSaid;
  cartChanged();
});

/** An amount that somebody typed, in minor units; none if it is no amount. */
function typedAmount(text) {
  const { exponent } = facts.money;
  const amount = Math.round(Number(text.trim().replace(",", ".")) * 10 ** exponent);
  return amount > 0 ? amount : 0;
}

$("tips")?.addEventListener("click", (event) => {
  const percent = event.target.closest("[data-tip]")?.dataset.tip;
  if (percent === undefined) return;
  cart.tip = percent ? { percent } : null;
  if ($("tip-other")) $("tip-other").value = "";
  cartChanged();
});
$("tip-other")?.addEventListener("change", () => {
  const amount = typedAmount($("tip-other").value);
  cart.tip = amount ? { amount: Math.min(amount, cartTotal()) } : null;
  cartChanged();
});

/** One thing at most is offered, and once it is answered no other. */
$("offer-add").addEventListener("click", () => {
  const card = cardOf(quote?.suggestion?.item);
  if (!card) return;
  if ("asks" in card.dataset) openSheet(card.id.slice(2));
  else addLine(asItComes(card));
  offerAnswered();
});
$("offer-no").addEventListener("click", offerAnswered);
function offerAnswered() {
  cart.offered = true;
  keep.set("cart", cart);
  drawReview();
  $("order-title").focus({ preventScroll: true });
}

function lineRow(line) {
  const row = $("line").content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(name);
  const name = nameOf(line.item);
  row.dataset.id = line.id;
  part("img").src = pictureOf(line.item);
  part("h3").textContent = name;
  part(".options").textContent = (line.labels ?? []).join(" · ");
  part(".note").textContent = line.note ? say("note", { note: line.note }) : "";
  const trouble = troubleOf(line) ?? "";
  part(".trouble").textContent = trouble;
  part(".warn").textContent = warningOfLine(line);
  row.classList.toggle("troubled", trouble !== "");
  part("output").textContent = line.quantity;
  part("output").ariaLabel = say("quantity", { item: name, count: line.quantity });
  part(".amount").textContent = money(line.unit * line.quantity);
  for (const button of all("button", row)) button.ariaLabel = `${button.textContent.trim() || (button.className === "more" ? "+" : "−")} ${name}`;
  part(".edit").hidden = !cardOf(line.item);
  return row;
}

review.addEventListener("click", (event) => {
  const id = Number(event.target.closest(".line")?.dataset.id);
  const line = cart.lines.find((other) => other.id === id);
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.digit !== undefined) {
    cart.table = button.dataset.digit ? (cart.table + button.dataset.digit).slice(0, 4) : cart.table.slice(0, -1);
    keep.set("cart", cart);
    $("table-number").textContent = cart.table;
  } else if (!line) return;
  else if (button.classList.contains("more")) setQuantity(id, line.quantity + 1);
  else if (button.classList.contains("less")) setQuantity(id, line.quantity - 1);
  else if (button.classList.contains("remove")) setQuantity(id, 0);
  else if (button.classList.contains("edit")) openSheet(line.item, line);
});

$("review").addEventListener("click", openReview);
$("bag").addEventListener("click", openReview);
$("mini").addEventListener("click", openReview);
$("place").addEventListener("click", () => placeOrder("counter"));
$("place-card").addEventListener("click", () => placeOrder("card"));
