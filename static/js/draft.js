// A form that is half filled in: this tab keeps it for whoever fills it in, and a page that is loaded anew, in another
// language or after signing in again, brings it back. It goes once the server says in a cookie that it was taken, when
// it is discarded, when one signs out, and when somebody else is signed in.
(() => {
  const form = document.querySelector("[data-draft]");
  const here = location.pathname + location.search;
  const { user } = document.body.dataset;
  let isTyped = Boolean(document.querySelector("[data-refused]"));
  let isSent = false;

  const nameOf = (place) => `draft ${place}`;
  const read = (name) => JSON.parse(sessionStorage.getItem(name));
  const forget = (isMeant) => {
    const names = Object.keys(sessionStorage).filter((name) => name.startsWith(nameOf("")));
    for (const name of names) if (isMeant(read(name))) sessionStorage.removeItem(name);
  };
  const keep = () => {
    if (!isTyped) return;
    const fields = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
    const places = isSent ? [here, new URL(form.action).pathname] : [here]; // signing in leads to where it was sent
    for (const place of places) sessionStorage.setItem(nameOf(place), JSON.stringify({ user, isSent, fields }));
  };

  if (user) forget((draft) => draft.user !== user);
  if (/(?:^|; )taken=/.test(document.cookie)) {
    forget((draft) => draft.isSent);
    document.cookie = "taken=; path=/; max-age=0";
  }
  document.addEventListener("submit", (event) => {
    if (event.target === form) isSent = true;
    if (!event.target.matches("[data-sign-out]")) return;
    forget(() => true);
    isTyped = false;
  });
  if (!form) return;

  form.addEventListener("input", () => { isTyped = true; });
  addEventListener("pagehide", keep);
  addEventListener("pageshow", (event) => { if (event.persisted) isTyped = isSent = false; });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-discard]")) return;
    sessionStorage.removeItem(nameOf(here));
    isTyped = false;
  });

  // The server knows how a form looks that holds all this.
  const draft = isTyped ? null : read(nameOf(here));
  if (!draft) return;
  const values = new FormData();
  for (const [name, value] of [...draft.fields, ["look", "1"]]) values.append(name, value);
  const swap = { target: form, select: `#${form.id} > *`, swap: "innerHTML" };
  form.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target === form && isTyped) event.detail.shouldSwap = false; // whoever types meanwhile goes on with that
  });
  htmx.ajax("POST", form.action, { values, ...swap }).then(() => {
    if (isTyped) return;
    isTyped = true;
    document.querySelector("[data-restored]").hidden = false;
  });
})();
