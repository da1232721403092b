// A button that prints the page. The print style sheet makes the report of it; on paper it is always light.
(() => {
  const root = document.documentElement;
  let theme;
  const show = (other) => { root.dataset.bsTheme = other; document.dispatchEvent(new Event("theme")); };

  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) theme = root.dataset.bsTheme;
    show(matches ? "light" : theme);
  });
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
