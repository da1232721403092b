// The train log: follows its end until one scrolls up, fetches what one scrolls to, leads to the lines of #L12-L20.
(async () => {
  const place = document.getElementById("log");
  const box = place.querySelector("[data-log]");
  const trouble = place.querySelector("[data-trouble]");
  const [toEnd, toStart] = [place.querySelector("[data-to-end]"), place.querySelector("[data-to-start]")];
  const label = toEnd.querySelector("[data-label]");
  const lines = new Lines(box);
  const address = (query = "") => `${place.dataset.lines}${query}`;
  const goToTheEnd = label.textContent;
  let following = !location.hash, last = lines.last, ended = false, fetching = false;

  const take = (answer) => { if (answer) { last = answer.last; ended = answer.ended; } return answer; };
  const from = async (line) => take(await ask(address(line ? `?line=${line}` : ""), trouble));

  const show = () => {
    if (following) box.scrollTop = box.scrollHeight;
    toEnd.hidden = following || !last;
    if (following) label.textContent = goToTheEnd;
    toStart.hidden = lines.first <= 1;
    place.querySelector("[data-nothing]").hidden = last > 0;
  };

  const jumpToEnd = async () => {
    following = true;
    const answer = lines.last === last && last ? null : await from(0);
    if (answer) lines.replace(answer.lines);
    select();
    show();
  };

  const goTo = async (line) => {
    following = false;
    if (!lines.find(line)) {
      const answer = await from(Math.max(1, line - 100));
      if (answer) lines.replace(answer.lines);
      select();
    }
    lines.find(line)?.scrollIntoView({ block: "center" });
    show();
  };

  // What one scrolls to, before one is there. Whoever jumps elsewhere meanwhile has no use for it any more.
  const fetchMore = async () => {
    if (fetching) return;
    fetching = true;
    const { first: top, last: bottom } = lines;
    if (box.scrollTop < 600 && top > 1) {
      const answer = await from(Math.max(1, top - 400));
      if (answer && lines.first === top) lines.prepend(answer.lines);
    } else if (box.scrollHeight - box.scrollTop - box.clientHeight < 600 && bottom < last) {
      const answer = await from(bottom);
      if (answer && lines.last === bottom) lines.append(answer.lines);
    }
    select();
    show();
    fetching = false;
  };

  const chosen = () => {
    const found = location.hash.match(/^#L(\d+)(?:-L(\d+))?$/);
    if (!found) return null;
    const ends = [found[1], found[2] ?? found[1]].map(Number);
    return [Math.min(...ends), Math.max(...ends)];
  };
  const select = () => lines.select(...(chosen() ?? [0, 0]));

  box.addEventListener("click", (event) => {
    const link = event.target.closest(".log-line > a");
    if (!link) return;
    event.preventDefault();
    const [first] = chosen() ?? [];
    history.replaceState(null, "", event.shiftKey && first ? `#L${first}-${link.hash.slice(1)}` : link.hash);
    select();
  });
  window.addEventListener("hashchange", () => { const wanted = chosen(); if (wanted) goTo(wanted[0]); });
  box.addEventListener("scroll", () => {
    following = lines.isAtEnd && lines.last >= last;
    show();
    fetchMore();
  });
  toEnd.addEventListener("click", jumpToEnd);
  toStart.addEventListener("click", () => goTo(1));

  new LogSearch(place.querySelector("[data-search]"), {
    find: (words) => ask(address(`?search=${encodeURIComponent(words)}`), trouble),
    mark: (words) => lines.mark(words),
    show: async (line) => {
      history.replaceState(null, "", `#L${line}`);
      await goTo(line);
      select();
    },
  });

  const listen = async () => {
    const known = last;
    const answer = await from(known);
    if (!answer) return;
    const isNext = lines.last === known && (following || lines.count < MOST_LINES);
    const isWhole = !answer.lines.length || answer.lines.at(-1)[0] === last;
    if (isNext && isWhole) lines.append(answer.lines);
    else if (following) await jumpToEnd();
    if (last > known && !following) label.textContent = toEnd.dataset.news;
    show();
  };

  if (chosen()) await goTo(chosen()[0]);
  else { const answer = await from(0); if (answer) { lines.replace(answer.lines); show(); } }
  while (!ended) {
    await nextTurn();
    await listen();
  }
})();
