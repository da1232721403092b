// Light or dark, before anything is painted: the cookie's choice, else the system's. The button changes it.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => document.cookie.match(/(?:^|; )theme=(light|dark)/)?.[1];
  const apply = () => { root.dataset.bsTheme = chosen() ?? (system.matches ? "dark" : "light"); };

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const other = root.dataset.bsTheme === "dark" ? "light" : "dark";
    document.cookie = `theme=${other}; path=/; max-age=31536000; samesite=lax`;
    apply();
    document.dispatchEvent(new Event("theme"));
  });
})();
