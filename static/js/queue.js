// The queue by drag: a row goes where it is dropped, among those of its priority. Buttons do the same without a mouse.
(() => {
  let dragged = null;
  const rowOf = (event) => event.target.closest?.("#queue tr[data-job]");
  const fits = (row) => row && dragged && row !== dragged && row.dataset.priority === dragged.dataset.priority;
  const isBefore = (row, event) => event.clientY < row.getBoundingClientRect().top + row.offsetHeight / 2;
  const unmark = () => {
    for (const row of document.querySelectorAll("#queue .drop-before, #queue .drop-after")) {
      row.classList.remove("drop-before", "drop-after");
    }
  };

  document.addEventListener("dragstart", (event) => {
    if (!event.target.closest?.("[data-grip]")) return;
    dragged = rowOf(event);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.job);
    event.dataTransfer.setDragImage(dragged, 16, 16);
    dragged.classList.add("is-dragged");
  });

  document.addEventListener("dragover", (event) => {
    const row = rowOf(event);
    unmark();
    if (!fits(row)) return;
    event.preventDefault();
    row.classList.add(isBefore(row, event) ? "drop-before" : "drop-after");
  });

  document.addEventListener("drop", (event) => {
    const row = rowOf(event);
    if (!fits(row)) return;
    event.preventDefault();
    const values = { change: isBefore(row, event) ? "before" : "after", beside: row.dataset.job };
    const form = dragged.querySelector("form");
    htmx.ajax("POST", form.action, { source: form, target: "#queue", swap: "outerHTML", values });
  });

  document.addEventListener("dragend", () => {
    dragged?.classList.remove("is-dragged");
    dragged = null;
    unmark();
  });

  // A row under the pointer must not be swapped away: nothing is asked for, and what was asked for before is let go.
  for (const name of ["htmx:beforeRequest", "htmx:beforeSwap"]) {
    document.addEventListener(name, (event) => {
      if (dragged && event.detail.elt.id === "queue") event.preventDefault();
    });
  }
})();
