// A second click on “Run the Train” starts no second train.
const run = document.querySelector("[data-run]");
run?.form.addEventListener("submit", () => { run.disabled = true; });
addEventListener("pageshow", () => { if (run) run.disabled = false; });
