// Messages in the corner, where screen readers hear of them. Each stays until it is dismissed or the page is left.
(() => {
  const region = document.getElementById("toasts");

  const toast = ({ level, text }) => {
    if ([...region.children].some((other) => other.dataset.text === text)) return;
    const box = document.createElement("div");
    const words = document.createElement("span");
    const close = document.createElement("button");
    box.className = `toast-box notice notice-${level}`;
    box.dataset.text = words.textContent = text;
    close.type = "button";
    close.className = "tool";
    close.textContent = "×";
    close.ariaLabel = gettext("Dismiss");
    close.addEventListener("click", () => box.remove());
    box.append(words, close);
    region.append(box);
  };

  for (const notice of document.querySelectorAll("[data-toasts] > .notice")) {
    const level = notice.className.match(/notice-(\w+)/)?.[1];
    toast({ level, text: notice.textContent.trim() });
    notice.remove();
  }

  // From the server with a part of a page (deepext/toasts.py), and from page scripts.
  document.addEventListener("toasts", (event) => event.detail.toasts.forEach(toast));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.elt.matches("[data-live]")) return;
    toast({ level: "danger", text: gettext("That did not work. Reload the page and try again.") });
  });
  document.addEventListener("htmx:sendError", () => {
    toast({ level: "warning", text: gettext("The console does not answer. What you see may be out of date.") });
  });
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) settled(); });
  const settled = () => {
    const lost = gettext("The console does not answer. What you see may be out of date.");
    for (const box of [...region.children]) if (box.dataset.text === lost) box.remove();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) region.lastElementChild?.remove();
  });
})();
