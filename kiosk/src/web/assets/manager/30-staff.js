// The staff: new people, PINs, roles, and who is signed in.

/** Asks for a PIN twice, and for a new person also name and role. */
function askPin({ id, name }) {
  const dialog = $("staff-new");
  const form = dialog.querySelector("form");
  form.reset();
  dialog.dataset.id = id ?? "";
  $("staff-who").hidden = Boolean(id);
  $("staff-name").required = !id;
  $("staff-note").hidden = !id;
  $("staff-new-title").textContent = id ? word("staff-pin-of", { name }) : word("staff-newcomer");
  $("staff-trouble").textContent = "";
  openDialog(dialog, id ? $("staff-pin") : $("staff-name"));
}

async function keepPin(form) {
  const { id } = $("staff-new").dataset;
  const pin = $("staff-pin").value;
  const tell = (text) => ($("staff-trouble").textContent = text);
  if (pin !== $("staff-again").value) return tell(word("staff-differ"));
  const body = id ? { pin } : { name: $("staff-name").value.trim(), role: form.elements.role.value, pin };
  const answer = await call(id ? `/api/v1/staff/${id}` : "/api/v1/staff", { method: id ? "PUT" : "POST", body, timeout: 20000 }).catch(() => null);
  if (!answer) return tell(word("staff-no-answer"));
  if (answer.status === 401) return location.reload();
  if (answer.status >= 300) return tell(whyNot(answer));
  $("staff-new").close();
  toast(word("staff-done"));
  refresh(0);
}

async function staffAct(button) {
  const { staff, id, name, text, yes, role } = button.dataset;
  if (staff === "add") return askPin({});
  if (staff === "pin") return askPin({ id, name });
  if (!await ask({ title: name ?? yes, text, yes })) return;
  const answer = staff === "others"
    ? await act("/api/v1/sessions/others", { method: "DELETE" })
    : await act(`/api/v1/staff/${id}`, staff === "role" ? { method: "PUT", body: { role } } : { method: "DELETE" });
  if (answer) toast(word("staff-done"));
  refresh(0);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-staff]");
  if (button) staffAct(button);
});

document.addEventListener("submit", (event) => {
  if (!event.target.classList.contains("staff-form")) return;
  event.preventDefault();
  keepPin(event.target);
});
