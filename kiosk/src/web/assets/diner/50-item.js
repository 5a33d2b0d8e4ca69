// The sheet of a dish: its choices, a note, how many, and what that costs at once.

const itemSheet = $("item");
const sheets = new Map();
let editing = null;
let sheetRound = 0;

/** Opens the sheet of an item, new or with the choices of a line of the cart. */
async function openSheet(item, line = null) {
  const round = ++sheetRound;
  let html = sheets.get(item);
  if (!html) {
    try {
      const answer = await call(`/items/${item}?lang=${facts.language}`, { timeout: 4000 });
      if (answer.status === 404) return toast(say("gone", { item: nameOf(item) }), true);
      if (answer.status !== 200) throw new Unknown();
      html = answer.body;
    } catch {
      return toast(say("lost-now"), true);
    }
    sheets.set(item, html);
  }
  if (round !== sheetRound) return;
  editing = line?.id ?? null;
  itemSheet.innerHTML = html;
  if (line) fillSheet(line);
  drawSheet();
  open(itemSheet, itemSheet.querySelector("#item-name"));
}

const form = () => itemSheet.firstElementChild;
const quantityOf = (choice) => Number(choice.querySelector("output").textContent);

/** What is chosen in one group. */
const chosenIn = (group) => [
  ...all("input:checked", group).map((input) => ({ group: group.dataset.group, option: input.value, quantity: 1, price: Number(input.dataset.price) })),
  ...all(".counted", group)
    .map((choice) => ({ group: group.dataset.group, option: choice.dataset.option, quantity: quantityOf(choice), price: Number(choice.dataset.price) }))
    .filter((choice) => choice.quantity > 0),
];

function readSheet() {
  const chosen = all("fieldset", form()).flatMap(chosenIn);
  return {
    item: form().dataset.item,
    name: $("item-name").textContent,
    quantity: Number($("quantity").textContent),
    options: chosen.map(({ group, option, quantity }) => ({ group, option, quantity })),
    note: form().elements.note.value.trim(),
    unit: chosen.reduce((sum, choice) => sum + choice.price * choice.quantity, Number(form().dataset.unit)),
  };
}

function fillSheet(line) {
  const has = (group, option) => line.options.find((choice) => choice.group === group && choice.option === option)?.quantity ?? 0;
  for (const input of all("fieldset input", form())) input.checked = has(input.name, input.value) > 0;
  for (const choice of all(".counted", form())) {
    choice.querySelector("output").textContent = has(choice.closest("fieldset").dataset.group, choice.dataset.option);
  }
  form().elements.note.value = line.note;
  $("quantity").textContent = line.quantity;
  const verb = $("put").querySelector(".verb");
  if (!("out" in form().dataset)) verb.textContent = say("update");
}

/** Buttons that can do nothing are off; the price is what the button would add. */
function drawSheet() {
  for (const group of all("fieldset", form())) {
    const count = chosenIn(group).reduce((sum, choice) => sum + choice.quantity, 0);
    const full = count >= Number(group.dataset.max);
    group.classList.toggle("met", count >= Number(group.dataset.min));
    if (count >= Number(group.dataset.min)) group.querySelector(".trouble").textContent = "";
    for (const choice of all(".counted", group)) {
      choice.classList.toggle("on", quantityOf(choice) > 0);
      choice.querySelector(".less").disabled = quantityOf(choice) === 0;
      choice.querySelector(".more").disabled = full;
    }
    for (const input of all("input[type=checkbox]", group)) input.disabled = full && !input.checked;
  }
  const { unit, quantity, item } = readSheet();
  const left = Number(form().dataset.left ?? Infinity);
  const others = inCart(item) - (cart.lines.find((line) => line.id === editing)?.quantity ?? 0);
  const foot = itemSheet.querySelector(".sheet-foot");
  foot.querySelector(".less").disabled = quantity <= 1;
  foot.querySelector(".more").disabled = quantity >= Math.min(PER_LINE, left) - others;
  $("price-now").textContent = money(unit * quantity);
}

itemSheet.addEventListener("click", (event) => {
  const button = event.target.closest(".stepper button");
  if (button) {
    const output = button.parentElement.querySelector("output");
    output.textContent = Number(output.textContent) + (button.classList.contains("more") ? 1 : -1);
    drawSheet();
    // A button that has just gone off would lose the focus to nowhere.
    if (button.disabled) button.parentElement.querySelector("button:not(:disabled)")?.focus();
  } else {
    // A choice that nobody has to make can be taken back by a second tap.
    const input = event.target.closest("input[type=radio]");
    if (input && input === tappedTwice && input.closest("fieldset").dataset.min === "0") {
      input.checked = false;
      drawSheet();
    }
  }
});
let tappedTwice = null;
itemSheet.addEventListener("pointerdown", (event) => {
  const input = event.target.closest("label")?.querySelector("input[type=radio]");
  tappedTwice = input?.checked ? input : null;
});
itemSheet.addEventListener("change", drawSheet);
itemSheet.addEventListener("submit", (event) => {
  event.preventDefault();
  if ("out" in form().dataset || !choicesMade()) return;
  const line = readSheet();
  if (editing === null ? !addLine(line) : !replaceLine(editing, line)) return;
  itemSheet.close();
  if (editing === null) toast(say("added", { item: line.name }));
});

/** Whether every question has its answer; shows the first that lacks one. */
function choicesMade() {
  for (const group of all("fieldset", form())) {
    const lacking = Number(group.dataset.min) - chosenIn(group).reduce((sum, choice) => sum + choice.quantity, 0);
    if (lacking <= 0) continue;
    group.querySelector(".trouble").textContent = say("choose-more", { count: lacking });
    group.scrollIntoView({ block: "center" });
    group.querySelector("input, button:not(:disabled)")?.focus({ preventScroll: true });
    return false;
  }
  return true;
}
