// Menus close when one clicks elsewhere or presses Escape; data-opens names a dialog, data-closes closes its own.
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  const opener = event.target.closest("[data-opens]");
  if (opener) { event.preventDefault(); openDialog(opener.dataset.opens); }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) { menu.open = false; menu.querySelector("summary").focus(); }
});

const openDialog = (id) => {
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  for (const menu of openMenus()) menu.open = false;
  const dialog = document.getElementById(id);
  dialog.showModal();
  dialog.querySelector("input[type=search]")?.select();
};

// Whoever is signed out meanwhile is led to the sign-in page, instead of finding it inside a part of this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (new URL(event.detail.xhr.responseURL).pathname !== document.body.dataset.signIn) return;
  event.detail.shouldSwap = false;
  location.reload();
});

// A form that is on its way says so on its button, and is not sent twice. A page that one comes back to is ready again.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.target.querySelector("[aria-busy]")) { event.preventDefault(); return; }
  event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form [aria-busy]")) button.removeAttribute("aria-busy");
});
