// Menus close when one clicks elsewhere or presses Escape; "/" goes to the search box.
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of openMenus()) { menu.open = false; menu.querySelector("summary").focus(); }
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && !typing && search) { event.preventDefault(); search.focus(); }
});

// Whoever is signed out meanwhile is led to the sign-in page, instead of finding it inside a part of this one.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (new URL(event.detail.xhr.responseURL).pathname !== document.body.dataset.signIn) return;
  event.detail.shouldSwap = false;
  location.reload();
});
