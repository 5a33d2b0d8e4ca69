// The spoken mode: the browser's own speech engine reads what has the focus, what is told and what the
// order comes to. Where there is no voice for this language on this machine, nobody is offered one.

const speech = window.speechSynthesis;
const speaker = document.querySelector("[data-mode=spoken]");

/** A voice that speaks here: one of this machine, because a diner's words go nowhere else. */
function voiceHere() {
  const [tongue] = facts.language.split("-");
  const voices = speech?.getVoices().filter((voice) => voice.localService && voice.lang.replace("_", "-").split("-")[0] === tongue) ?? [];
  return voices.find((voice) => voice.lang === document.documentElement.lang) ?? voices[0];
}

const speaks = () => document.documentElement.classList.contains("spoken");

function speak(text, urgent = true) {
  const voice = speaks() && text?.trim() ? voiceHere() : null;
  if (!voice) return;
  if (urgent) speech.cancel();
  speech.speak(Object.assign(new SpeechSynthesisUtterance(text.trim()), { voice, lang: voice.lang }));
}

/** What somebody hears of an element: its name, what it says of itself, and whether it is chosen. */
function heardOf(element) {
  const texts = (ids) => (ids ?? "").split(" ").map((id) => $(id)?.textContent ?? "").join(" ");
  const card = element.closest(".card");
  const state = { true: say("voice-on"), false: "" }[element.ariaPressed ?? element.ariaCurrent] ?? "";
  if (card && element.matches(".open")) return [...card.querySelectorAll(".open, p, .flag")].map((part) => part.textContent).join(". ");
  const label = element.labels?.[0]?.textContent;
  const chosen = element.checked ? say("voice-on") : "";
  return [element.ariaLabel ?? (texts(element.getAttribute("aria-labelledby")) || label || element.textContent || element.placeholder), state, chosen].filter(Boolean).join(", ");
}

/** What a dialog or a first screen begins with. */
const heardOfScreen = (scope) => all("h1, h2, [id$=-text], .number, .pay", scope).filter((part) => part.checkVisibility()).map((part) => part.textContent).join(". ");

document.addEventListener("focusin", (event) => {
  const { target } = event;
  if (!speaks()) return;
  const scope = target.closest("dialog, .stage");
  const entered = scope && !scope.contains(event.relatedTarget);
  speak([entered ? heardOfScreen(scope) : "", target.matches("h1, h2, main") ? "" : heardOf(target)].filter(Boolean).join(". "));
});

// What changes by itself: short words, troubles, and the total once it is known.
const changes = new MutationObserver((records) => {
  if (!speaks()) return;
  for (const place of new Set(records.map(({ target }) => (target.nodeType === 1 ? target : target.parentElement)?.closest("#toast, #total, .trouble, .warn, #price-now, #help-text, #truth, #search-said, #sending-text, output")))) {
    if (!place?.textContent || !place.checkVisibility()) continue;
    speak(place.id === "total" ? say("voice-total", { total: place.textContent }) : place.textContent, false);
  }
});
changes.observe(document.body, { subtree: true, childList: true, characterData: true });

function drawVoice() {
  speaker.hidden = !voiceHere();
  if (speaker.hidden && speaks()) setModes(keep.get("modes", []).filter((mode) => mode !== "spoken"));
}
speech?.addEventListener?.("voiceschanged", drawVoice);
// Once the mode has been set by the same tap.
speaker.addEventListener("click", () => setTimeout(() => (speaks() ? speak(say("voice-hello")) : speech.cancel())));
