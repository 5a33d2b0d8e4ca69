// Settings: each is in force as soon as the kiosk has kept it.

async function set(name, value) {
  const answer = await act(`/api/v1/settings/${name}`, { method: "PUT", body: { value } });
  if (answer) toast(word("staff-done"));
  refresh(0);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.setting) set(button.dataset.setting, button.getAttribute("aria-checked") !== "true");
  else if (button?.dataset.settingBack) set(button.dataset.settingBack, null);
});

document.addEventListener("submit", (event) => {
  const name = event.target.dataset.settingOf;
  if (!name) return;
  event.preventDefault();
  set(name, event.target.elements.value.valueAsNumber);
});
