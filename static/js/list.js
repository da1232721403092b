// Choosing rows of a list: a page at once, a range with Shift, and what is chosen stays so when the rows come anew.
(() => {
  const form = document.querySelector("[data-list]");
  const search = document.querySelector("[data-list-search]");
  search?.addEventListener("change", (event) => { if (event.target.matches("select")) search.requestSubmit(); });
  const bar = form?.querySelector("[data-bulk]");
  if (!bar) return;

  const all = form.querySelector("[data-choose-all]");
  const none = bar.querySelector("[data-choose-none]");
  const count = bar.querySelector("[data-chosen-count]");
  const boxes = () => [...form.querySelectorAll("input[name=chosen]")];
  const chosen = new Set();
  let last = null;

  const show = () => {
    const rows = boxes();
    for (const box of rows) {
      box.checked = chosen.has(box.value);
      box.closest("tr").classList.toggle("is-chosen", box.checked);
    }
    const number = rows.filter((box) => box.checked).length;
    all.checked = number > 0 && number === rows.length;
    all.indeterminate = number > 0 && !all.checked;
    bar.hidden = number === 0;
    if (count.textContent !== String(number)) count.textContent = number;
    for (const button of bar.querySelectorAll("[data-most]")) {
      button.disabled = number < Number(button.dataset.least) || number > Number(button.dataset.most);
    }
  };

  const choose = (box, wanted) => { if (wanted) chosen.add(box.value); else chosen.delete(box.value); };

  const chooseRange = (from, to, wanted) => {
    const rows = boxes();
    const [first, end] = [rows.findIndex((box) => box.value === from), rows.indexOf(to)].sort((a, b) => a - b);
    for (const box of rows.slice(Math.max(first, 0), end + 1)) choose(box, wanted);
  };

  form.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=chosen]");
    if (!box) return;
    if (event.shiftKey && last !== null) chooseRange(last, box, box.checked);
    choose(box, box.checked);
    last = box.value;
    show();
  });
  all.addEventListener("change", () => { for (const box of boxes()) choose(box, all.checked); show(); });
  none.addEventListener("click", () => { chosen.clear(); show(); all.focus(); });

  // Back from another page, the browser has ticked again what was ticked.
  addEventListener("pageshow", () => { for (const box of boxes()) if (box.checked) chosen.add(box.value); show(); });
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.closest?.("[data-list]")) show(); });
  none.hidden = false;
  bar.dataset.ready = "";
  show();
})();
