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

const groups = () => all("fieldset[data-group]", form());
const parts = () => all("fieldset[data-part]", form());

/** What is chosen in one group; nothing while it is not asked. */
const chosenIn = (group) => (group.hidden ? [] : [
  ...all("input:checked", group).map((input) => ({ group: group.dataset.group, option: input.value, quantity: 1, price: Number(input.dataset.price) })),
  ...all(".counted", group)
    .map((choice) => ({ group: group.dataset.group, option: choice.dataset.option, quantity: quantityOf(choice), price: Number(choice.dataset.price) }))
    .filter((choice) => choice.quantity > 0),
]);
const sum = (choices) => choices.reduce((total, choice) => total + choice.quantity, 0);
const scopeOf = (group) => group.dataset.scope ?? "";

/** How often a group is asked: by its item, and by each chosen option that opens it. */
function timesAsked(group) {
  const { openedBy, own } = group.dataset;
  const scope = scopeOf(group);
  const filled = parts().flatMap((part) => chosenIn(part).map(({ option }) => `${part.dataset.part} ${option}`));
  if (scope && !filled.includes(scope)) return 0;
  if (openedBy === undefined) return 1;
  const openers = openedBy.split(" ");
  const chosen = groups().filter((other) => scopeOf(other) === scope).flatMap(chosenIn);
  return (own === undefined ? 0 : 1) + sum(chosen.filter((choice) => openers.includes(`${choice.group}.${choice.option}`)));
}

/** The least and the most that may be chosen in a group, as often as it is asked. */
function bounds(group) {
  const times = "part" in group.dataset ? 1 : timesAsked(group);
  return { times, min: times * group.dataset.min, max: times * group.dataset.max };
}

function readSheet() {
  const chosen = groups().flatMap((group) => chosenIn(group).map((choice) => ({ ...choice, scope: scopeOf(group) })));
  const within = (scope) => chosen.filter((choice) => choice.scope === scope).map(({ group, option, quantity }) => ({ group, option, quantity }));
  const filled = parts().flatMap((part) => chosenIn(part).map(({ option, price }) => ({ part: part.dataset.part, item: option, price })));
  const priced = [...chosen, ...filled.map(({ price }) => ({ price, quantity: 1 }))];
  return {
    item: form().dataset.item,
    name: $("item-name").textContent,
    quantity: Number($("quantity").textContent),
    options: within(""),
    ...(filled.length ? { parts: filled.map(({ part, item }) => ({ part, item, options: within(`${part} ${item}`) })) } : {}),
    note: form().elements.note.value.trim(),
    unit: priced.reduce((total, choice) => total + choice.price * choice.quantity, Number(form().dataset.unit)),
  };
}

/** Puts the choices of a line on the sheet; what the line says nothing of stays as it comes. */
function fillSheet(line) {
  for (const part of parts()) {
    const chosen = line.parts?.find((other) => other.part === part.dataset.part);
    if (chosen) for (const input of all("input:not(:disabled)", part)) input.checked = input.value === chosen.item;
  }
  for (const group of groups()) {
    const filled = line.parts?.find((part) => `${part.part} ${part.item}` === scopeOf(group));
    const options = scopeOf(group) ? filled?.options : line.options;
    if (!options) continue;
    const has = (option) => options.find((choice) => choice.group === group.dataset.group && choice.option === option)?.quantity ?? 0;
    for (const input of all("input", group)) input.checked = has(input.value) > 0;
    for (const choice of all(".counted", group)) choice.querySelector("output").textContent = has(choice.dataset.option);
  }
  form().elements.note.value = line.note;
  $("quantity").textContent = line.quantity;
  const verb = $("put").querySelector(".verb");
  if (line.id !== undefined && !("out" in form().dataset)) verb.textContent = say("update");
}

/** Shows a group if it is asked, and keeps no more chosen in it than it then takes. */
function showGroup(group) {
  const { times, max } = bounds(group);
  group.hidden = group.disabled = times === 0;
  if (!times) return;
  let over = sum(chosenIn(group)) - max;
  for (const choice of all(".counted", group).reverse()) {
    const cut = Math.min(Math.max(over, 0), quantityOf(choice));
    choice.querySelector("output").textContent = quantityOf(choice) - cut;
    over -= cut;
  }
}

/** Buttons that can do nothing are off; the price is what the button would add. */
function drawSheet() {
  groups().forEach(showGroup);
  for (const group of groups()) {
    const count = sum(chosenIn(group));
    const { min, max } = bounds(group);
    const full = count >= max;
    group.classList.toggle("met", count >= min);
    if (count >= min) group.querySelector(".trouble").textContent = "";
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
  const { options, parts } = readSheet();
  drawSheetWarning(item, options, parts);
  $("price-now").textContent = money(unit * quantity);
}

/** What of this dish the diner does not want, as it is chosen now. */
function drawSheetWarning(item, options, parts = []) {
  const chosen = groups().filter((group) => !group.hidden).flatMap((group) => [...all("input:checked", group), ...all(".counted.on", group)]);
  const holds = chosen.flatMap((choice) => (choice.dataset.holds ?? "").split(" ").filter(Boolean));
  itemSheet.querySelector(".warn").textContent = warningOf([item, ...parts.map((part) => part.item)], holds);
  for (const input of all("input", form()).filter((input) => input.closest("[data-part]"))) {
    input.closest(".choice").classList.toggle("unfit", isPicky() && !fitsItem(input.value));
  }
}

/** Makes a dish into a combo: what was chosen of it comes along. */
function upgrade({ combo, part }) {
  const { item, options, quantity, note } = readSheet();
  itemSheet.close();
  openSheet(combo, { parts: [{ part, item, options }], quantity, note });
}

itemSheet.addEventListener("click", (event) => {
  const better = event.target.closest(".upgrade");
  if (better) return upgrade(better.dataset);
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
  for (const group of all("fieldset:not([hidden])", form())) {
    const lacking = bounds(group).min - sum(chosenIn(group));
    if (lacking <= 0) continue;
    group.querySelector(".trouble").textContent = say("choose-more", { count: lacking });
    group.scrollIntoView({ block: "center" });
    group.querySelector("input, button:not(:disabled)")?.focus({ preventScroll: true });
    return false;
  }
  return true;
}
