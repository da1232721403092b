// Before anything is painted: what the server was told, or what the system prefers. The buttons change it at once.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = root.dataset.theme;
    root.dataset.bsTheme = theme === "system" ? (system.matches ? "dark" : "light") : theme;
    document.dispatchEvent(new Event("theme"));
  };

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-themes]")) return;
    event.preventDefault();
    const theme = event.submitter.value;
    root.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    for (const button of event.target.querySelectorAll("button")) button.ariaPressed = String(button.value === theme);
    apply();
  });
})();
