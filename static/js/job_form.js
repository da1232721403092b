// The form that starts a train. Everything here is comfort: the form works without it.
const form = document.getElementById("train-form");

// A second click on “Run the Train” starts no second train.
const run = (isOff) => { for (const button of document.querySelectorAll("[data-run]")) button.disabled = isOff; };
form?.addEventListener("submit", () => run(true));
addEventListener("pageshow", () => run(false));

// Where something was refused, the first of it is what one goes on with.
if (document.querySelector("[data-refused]")) {
  const wrong = form.querySelector(".is-invalid, .setting:has(.text-danger) :is(input, select, textarea)");
  wrong?.focus({ preventScroll: true });
  wrong?.scrollIntoView({ block: "center" });
}

// What is other than its default, or than in the train copied, is marked as one types, and can be set back; what was checked before is out of date.
const fieldOf = (setting) => setting.querySelector("input, select");
const same = (one, other) => one === other || (one !== "" && other !== "" && Number(one) === Number(other));
const holds = (field, value) => (field.type === "checkbox" ? field.checked === (value === "True") : same(field.value, value));
const mark = (setting) => {
  const field = fieldOf(setting), { default: usual, origin } = setting.dataset;
  if (usual !== undefined) setting.classList.toggle("is-changed", !holds(field, usual));
  if (origin !== undefined) setting.classList.toggle("departs", !holds(field, origin));
};

form?.addEventListener("input", (event) => {
  if (event.target.name === "view") return; // shown otherwise, and as it was
  for (const id of ["check", "tokens"]) document.getElementById(id)?.classList.add("is-stale");
  const setting = event.target.closest("[data-default], [data-origin]");
  if (setting) mark(setting);
});

form?.addEventListener("click", (event) => {
  if (!event.target.closest("[data-reset]")) return;
  const setting = event.target.closest("[data-default]");
  const field = fieldOf(setting);
  if (field.type === "checkbox") field.checked = setting.dataset.default === "True";
  else field.value = setting.dataset.default;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// Enter in a search box searches; it starts no train.
form?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[data-find]")) event.preventDefault();
});

// New settings, and rows that were counted: the rail looks again.
document.addEventListener("htmx:afterSettle", (event) => {
  if (["settings", "check", "tokens", "rehearsal"].includes(event.detail.elt.id)) {
    document.getElementById("rail").dispatchEvent(new Event("refresh"));
  }
});

// What is said already stays as it is, so that nothing is read out again, and what was unfolded stays unfolded.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (event.detail.target.textContent === event.detail.fragment.textContent) event.detail.shouldSwap = false;
});

// What was chosen while new options were on their way stays chosen.
const chosen = new WeakMap();
document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  if (target.matches("select")) chosen.set(target, target.selectedOptions[0]);
});
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  const kept = chosen.get(target);
  if (!kept?.value) return;
  if (![...target.options].some((option) => option.value === kept.value)) target.append(kept);
  target.value = kept.value;
});
