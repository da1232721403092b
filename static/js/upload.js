// A file dropped on [data-drop] goes to the file input inside; htmx sends the form and says how far it is.
const zoneOf = (event) => event.target.closest?.("[data-drop]");

document.addEventListener("dragover", (event) => {
  const zone = zoneOf(event);
  if (zone) { event.preventDefault(); zone.classList.add("is-over"); }
});

document.addEventListener("dragleave", (event) => zoneOf(event)?.classList.remove("is-over"));

document.addEventListener("drop", (event) => {
  const zone = zoneOf(event);
  if (!zone) return;
  event.preventDefault();
  zone.classList.remove("is-over");
  if (event.dataTransfer.files.length) zone.querySelector("input[type=file]").files = event.dataTransfer.files;
});

document.addEventListener("htmx:xhr:progress", (event) => {
  const progress = document.querySelector("[data-upload-progress]");
  if (!progress || !event.detail.lengthComputable) return;
  progress.classList.remove("d-none");
  if (event.detail.loaded < event.detail.total) progress.value = 100 * event.detail.loaded / event.detail.total;
  else progress.removeAttribute("value"); // all is there: now every row is being checked
});
