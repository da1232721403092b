// Whoever closes the page gives the worker back; a page that is loaded anew takes it up again by asking.
addEventListener("pagehide", () => {
  const place = document.querySelector("[data-leave]");
  if (!place) return;
  const form = new FormData();
  form.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  navigator.sendBeacon(place.dataset.leave, form);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  if (event.target.matches("[data-submit-with-ctrl-enter]")) event.target.form.requestSubmit();
});
