// A search and what it found: ↓ and ↑ lead from the words through the hits and back. The focus itself goes there, so
// that a screen reader says where one is, and Enter opens it as it opens any link; at the words it sends the form.
(() => {
  const PAUSE = 250; // milliseconds in which nothing is typed
  const words = document.getElementById("find-words");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  let lookUp = 0;
  let isUnderWay = false;
  let isAsked = false;
  let wish = ""; // what a key pressed meanwhile is to do with the first hit: “focus” it or “click” on it

  const firstHit = () => document.querySelector("#found .found a");

  // Once more, where something else was typed until the answer came.
  const look = async () => {
    if (isAsked) return;
    isAsked = true;
    let q = null;
    while (q !== words.value) {
      q = words.value;
      await htmx.ajax("GET", words.form.action, { source: words, target: "#found", values: { q } }).catch(() => null);
    }
    clearTimeout(lookUp);
    isAsked = isUnderWay = false;
    if (wish) firstHit()?.[wish]();
    wish = "";
  };

  // What is typed into the search that opens over a page is looked up once there is a pause.
  words.addEventListener("input", () => {
    clearTimeout(lookUp);
    wish = "";
    isUnderWay = true;
    lookUp = setTimeout(look, PAUSE);
  });

  words.addEventListener("keydown", (event) => {
    if (!isUnderWay || (event.key !== "ArrowDown" && !(wish && event.key === "Enter"))) return;
    event.preventDefault();
    wish = event.key === "Enter" ? "click" : "focus";
  });

  document.addEventListener("keydown", (event) => {
    const place = event.target.closest("[data-finder]");
    if (!place || event.defaultPrevented || !(event.key in steps)) return;
    const stops = [...place.querySelectorAll("input[type=search], .found a")];
    const at = stops.indexOf(event.target);
    if (at < 0) return;
    event.preventDefault();
    stops[at + steps[event.key]]?.focus();
  });
})();
