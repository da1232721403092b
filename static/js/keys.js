// Single keys, and two after one another: each clicks on what stands beside it in the list of keys, which "?" opens.
(() => {
  const SOON = 1500; // milliseconds for the second key
  const list = document.getElementById("keys");
  const on = list.querySelector("[data-keys-on]");
  const places = new Map([...list.querySelectorAll("[data-key]")].map((place) => [place.dataset.key, place]));
  let first = "";
  let timer = 0;

  on.checked = !/(?:^|; )keys=off/.test(document.cookie);
  on.addEventListener("change", () => {
    document.cookie = `keys=${on.checked ? "on" : "off"}; path=/; max-age=31536000; samesite=lax`;
  });

  const search = () => {
    list.close();
    const box = document.querySelector("main input[type=search]");
    if (box) box.focus(); else openDialog("find");
  };
  places.get("/").addEventListener("click", search);

  // What had the focus in a dialog keeps it for a moment after the dialog has closed.
  const isTyping = ({ target }) => {
    const dialog = target.closest("dialog");
    return dialog ? dialog.open : target.closest("input, textarea, select, [contenteditable]");
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "k") { event.preventDefault(); openDialog("find"); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || !on.checked || event.defaultPrevented) return;
    if (isTyping(event)) return;
    const pressed = first ? `${first} ${event.key}` : event.key;
    first = "";
    clearTimeout(timer);
    if (pressed === "?") openDialog("keys");
    else if (places.has(pressed)) { event.preventDefault(); places.get(pressed).click(); }
    else if (pressed === "g") { first = "g"; timer = setTimeout(() => { first = ""; }, SOON); }
  });
})();
