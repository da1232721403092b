// Parts that change while a job runs. A page asks at most once in two seconds, whatever on it moves, and never
// while it is hidden. What is being written while somebody waits for it has a quicker pace of its own.
const PACE = 2000;
let askedAt = -PACE;
let waiting = 0; // how many have left a turn to others, and have the next one
const refused = new Set(); // parts that came too soon after another, in turn: else one might never have its own
const untilNextTurn = (pace = PACE) => askedAt + pace - performance.now();

document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (!part.matches("[data-live]")) return;
  const pace = Number(part.dataset.pace ?? PACE);
  const isTooSoon = untilNextTurn(pace) > pace / 20;
  const isOthersTurn = pace === PACE && (nextOfRefused() ?? part.id) !== part.id;
  if (document.hidden || waiting || isTooSoon || isOthersTurn) event.preventDefault();
  else askedAt = performance.now();
  if (!event.defaultPrevented) refused.delete(part.id);
  else if (!document.hidden) refused.add(part.id);
});

const nextOfRefused = () => [...refused].find((id) => document.getElementById(id)?.matches("[data-live]"));

// Others on this page take their turns too, so whoever asked leaves the next one to them.
const nextTurn = async () => {
  const shared = document.querySelector("[data-live]") ? 2 : 1;
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  await pause(shared * PACE);
  waiting += 1;
  while (document.hidden || untilNextTurn() > 0) await pause(Math.max(untilNextTurn(), PACE / 10));
  waiting -= 1;
};

// Asks an address, and says in `trouble` when there is no answer. `null`: none; try again at the next turn.
const ask = async (url, trouble) => {
  askedAt = performance.now();
  const answer = await fetch(url).catch(() => null);
  if (answer?.redirected) {
    trouble.textContent = trouble.dataset.signedOut;
    return new Promise(() => {});
  }
  const said = answer?.ok ? await answer.json().catch(() => null) : null; // it may break off in the middle
  trouble.textContent = said ? "" : trouble.dataset.noAnswer;
  return said;
};
