// What axe and a few rules of our own have against the page. `words` are those that are cut.
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const resultTypes = ["violations", "incomplete"];
// One letter is a text here, and so is a sign.
axe.configure({ checks: [{ id: "color-contrast", options: {
  ignoreUnicode: false, ignoreLength: true, ignorePseudo: false, boldValue: 700, boldTextPt: 14, largeTextPt: 18,
  contrastRatio: { normal: { expected: 4.5 }, large: { expected: 3 } },
  pseudoSizeThreshold: 0.25, shadowOutlineEmMax: 0.2, textStrokeEmMin: 0.03,
} }] });
const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
const general = await axe.run(document, { runOnly: tags, rules: { "color-contrast": { enabled: false } }, resultTypes });
// axe does not know that an open dialog lies above everything; what is behind it can't be used anyway.
const behind = dialog ? [...document.body.children].filter((one) => !one.contains(dialog)) : [];
for (const one of behind) one.style.visibility = "hidden";
const contrast = await axe.run(dialog ?? document, { runOnly: { type: "rule", values: ["color-contrast"] }, resultTypes });
for (const one of behind) one.style.visibility = "";

const rows = [general, contrast].flatMap((found) => ["violations", "incomplete"].flatMap((kind) =>
  found[kind].flatMap((rule) => rule.nodes.map((node) => {
    const checks = [...node.any, ...node.all, ...node.none];
    return {
      kind, rule: rule.id, key: checks.map((one) => one.data?.messageKey).find(Boolean) ?? "",
      target: node.target.flat().join(" "), html: node.html.slice(0, 160), said: checks.map((one) => one.message).join(" "),
    };
  }))));

const named = (node) => (node.id ? `#${node.id}` : `${node.tagName.toLowerCase()}.${node.className}`);
const tell = (rule, node, said) => rows.push({ kind: "violations", rule, key: "", said, target: named(node), html: node.outerHTML.slice(0, 160) });

for (const cut of words) tell("cut", document.body, cut);
const root = document.documentElement;
if (root.scrollWidth > innerWidth + 1) tell("sideways", document.body, `the page is ${root.scrollWidth} wide`);

const scope = dialog ?? document;
const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !node.closest("[inert]");
for (const node of scope.querySelectorAll("button, a[href], input, select, textarea, [role=tab], summary")) {
  if (!seen(node)) continue;
  const pressed = node.matches("input[type=radio], input[type=checkbox]") ? node.closest("label") ?? node : node;
  let { width, height } = pressed.getBoundingClientRect();
  // What covers the whole card is pressed wherever the card is.
  const cover = getComputedStyle(pressed, "::after");
  if (cover.content !== "none" && cover.position === "absolute") [width, height] = [Math.max(width, parseFloat(cover.width) || 0), Math.max(height, parseFloat(cover.height) || 0)];
  if (width && Math.min(width, height) < LEAST - 0.5) tell("target", node, `${Math.round(width)} by ${Math.round(height)}, less than ${LEAST}`);
}
// What goes on from here is in sight without scrolling.
for (const node of scope.querySelectorAll("#start, #finish, #review, #place, #put, #ask-yes, #idle-stay, [data-service]")) {
  const box = node.getBoundingClientRect();
  if (seen(node) && (box.bottom > innerHeight + 1 || box.top < -1)) tell("out of sight", node, `from ${Math.round(box.top)} to ${Math.round(box.bottom)} of ${innerHeight}`);
}
return rows;
