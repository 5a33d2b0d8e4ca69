// Sound: two notes for a new ticket, a falling one for a ticket that was voided. Browsers allow it
// after the first touch; until then, and where there is none, the screen is silent and says so.

let audio = null;

function ready() {
  if (audio || !window.AudioContext) return;
  try {
    audio = new AudioContext();
  } catch {
    audio = null;
  }
}
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, ready, { once: true });

function note(frequency, at, length) {
  const tone = audio.createOscillator();
  const loud = audio.createGain();
  const start = audio.currentTime + at;
  tone.type = "triangle";
  tone.frequency.value = frequency;
  loud.gain.setValueAtTime(0.0001, start);
  loud.gain.exponentialRampToValueAtTime(0.4, start + 0.015);
  loud.gain.exponentialRampToValueAtTime(0.0001, start + length);
  tone.connect(loud).connect(audio.destination);
  tone.start(start);
  tone.stop(start + length);
}

function ring(notes) {
  if (!mine.sound || !audio) return;
  audio.resume();
  notes.forEach((frequency, index) => note(frequency, index * 0.16, 0.5));
}

function dressSound() {
  $("sound").setAttribute("aria-pressed", mine.sound);
}
$("sound").addEventListener("click", () => {
  mine.sound = !mine.sound;
  keep();
  dressSound();
  ready();
  ring([660, 880]);
});
dressSound();

/** What was on the rail when it was last looked at. */
let before = null;
function listenFor() {
  const now = new Map(tickets().map((ticket) => [ticket.dataset.order, ticket]));
  if (before) {
    const concerns = (ticket) => linesOf(ticket).some((line) => hasTab(line, mine.tab));
    const fresh = [...now].filter(([order, ticket]) => !before.has(order) && live(ticket) && concerns(ticket));
    const voided = [...now].filter(([order, ticket]) => before.get(order) === true && !live(ticket) && concerns(ticket));
    for (const [, ticket] of fresh) ticket.classList.add("arriving");
    if (voided.length) ring([520, 390, 290]);
    else if (fresh.length) ring([660, 880]);
    const said = [...fresh.map(([, t]) => word("kitchen-new", { number: t.dataset.number })), ...voided.map(([, t]) => word("kitchen-voided", { number: t.dataset.number }))];
    if (voided.length) toast(said.at(-1));
  }
  before = new Map([...now].map(([order, ticket]) => [order, live(ticket)]));
}

let place = -1;
page.before = (fresh) => {
  const { care, late } = fresh.querySelector("#rail").dataset;
  Object.assign(rail.dataset, { care, late });
  place = placeOfFocus();
};
page.after = () => {
  ahead = Date.now() - Number($("clock").dataset.now);
  dress();
  refocus(place);
  listenFor();
};
page.status = (status) => {
  $("offline").hidden = status.link !== "offline";
};
dress();
listenFor();
setInterval(tick, 1000);
setInterval(() => refresh(), 20000);
