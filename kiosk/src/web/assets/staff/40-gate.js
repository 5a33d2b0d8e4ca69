// The page to sign in: a PIN by touch or by keys.

function gate(main) {
  const pin = $("pin");
  const trouble = $("pin-trouble");
  const buttons = all("#sign-in button");
  const tell = (text) => {
    trouble.textContent = text;
  };
  const first = "first" in $("sign-in").dataset;
  const help = $("pin-help").textContent;
  let chosen = null;
  const busy = (is) => {
    for (const button of buttons) button.disabled = is;
    pin.readOnly = is;
  };

  for (const key of all("[data-digit]")) {
    key.addEventListener("click", () => {
      if (pin.value.length < pin.maxLength) pin.value += key.dataset.digit;
      tell("");
    });
  }
  $("rub").addEventListener("click", () => {
    pin.value = pin.value.slice(0, -1);
  });
  pin.addEventListener("input", () => {
    pin.value = pin.value.replace(/\D/g, "");
    tell("");
  });
  // Keys write into the field wherever the focus is, as on any number pad.
  document.addEventListener("keydown", (event) => {
    if (/^[0-9]$/.test(event.key) || event.key === "Backspace") pin.focus();
  });

  /** Counts down until the next try is allowed. */
  function wait(seconds) {
    if (seconds <= 0) {
      busy(false);
      tell("");
      pin.focus();
      return;
    }
    tell(word("pin-wait", { seconds }));
    setTimeout(wait, 1000, seconds - 1);
  }

  $("sign-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (pin.readOnly) return;
    if (pin.value.length < Number(main.dataset.digits)) return tell(word("pin-digits", { digits: main.dataset.digits }));
    if (first && chosen !== pin.value) {
      // Typed twice, so that a slip of the finger locks nobody out.
      const again = chosen === null;
      chosen = again ? pin.value : null;
      pin.value = "";
      $("pin-help").textContent = again ? word("pin-first-again") : help;
      return tell(again ? "" : word("staff-differ"));
    }
    busy(true);
    let answer = null;
    try {
      answer = await call(first ? "/api/v1/staff/first" : "/api/v1/sessions", { method: "POST", body: { pin: pin.value }, timeout: 15000 });
    } catch {
      // Said below.
    }
    pin.value = "";
    if (answer?.status === 201) {
      if (answer.body.role === "manager" || main.dataset.role === "kitchen") return location.reload();
      busy(false);
      return tell(word("pin-role"));
    }
    main.classList.remove("shake");
    void main.offsetWidth;
    main.classList.add("shake");
    if (answer?.status === 429) return wait(Number(answer.headers.get("Retry-After")) || 5);
    busy(false);
    chosen = null;
    $("pin-help").textContent = help;
    tell(answer?.status === 401 ? word("pin-wrong") : answer ? word("staff-refused", { why: whyNot(answer) }) : word("pin-failed"));
    pin.focus();
  });
  pin.focus();
}

/** Until there is a PIN: looks whether one was set meanwhile. */
function waitForPin() {
  setTimeout(async () => {
    try {
      const answer = await call(location.href);
      if (answer.body.includes('data-ready="true"')) return location.reload();
    } catch {
      // The kiosk may be restarting.
    }
    waitForPin();
  }, 3000);
}

if ($("sign-in")) gate($("gate"));
if ($("gate") && (!$("sign-in") || "first" in $("sign-in").dataset)) waitForPin();
