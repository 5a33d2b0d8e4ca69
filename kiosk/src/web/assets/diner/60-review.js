// The whole order, to look at once more before it goes to the kitchen.

const review = $("order");

function openReview() {
  if (!cart.lines.length) return;
  drawReview();
  open(review);
}

function drawReview() {
  if (!cart.lines.length) return review.close();
  const focused = document.activeElement?.closest?.(".line")?.dataset.id;
  const control = document.activeElement?.classList;
  $("lines").replaceChildren(...cart.lines.map(lineRow));
  $("table").hidden = cart.service !== "eat_in";
  $("table-number").textContent = cart.table;
  const total = cartTotal();
  $("grand").textContent = money(total);
  $("subtotal").textContent = quote ? money(quote.subtotal) : "…";
  $("tax").textContent = quote ? money(quote.tax) : "…";
  if (focused && control) {
    const row = $("lines").querySelector(`[data-id="${focused}"]`);
    (row?.querySelector(`button.${control[control.length - 1]}:not(:disabled)`) ?? $("lines").querySelector("button"))?.focus();
  }
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
$("place").addEventListener("click", () => placeOrder());
