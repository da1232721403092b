// The train log: adds what comes, and stays at the end until one scrolls up.
(() => {
  const place = document.getElementById("log");
  const log = place.querySelector("[data-log]");
  const toEnd = place.querySelector("[data-to-end]");
  const nothing = place.querySelector("[data-nothing]");
  let following = true;
  // The last line stands in a text of its own, since a carriage return may still write over it.
  const lastLine = document.createTextNode("");

  const scrollToEnd = () => { if (following) log.scrollTop = log.scrollHeight; };
  const leftStanding = (line) => line.replace(/\r+$/, "").split("\r").at(-1);

  const add = (text) => {
    const lines = (lastLine.data + text).split("\n");
    lastLine.data = lines.pop();
    lastLine.before(lines.map((line) => leftStanding(line) + "\n").join(""));
    if (lastLine.data.includes("\r")) lastLine.data = lastLine.data.replace(/^.*\r(?=[^\r])/s, "");
  };

  const shown = log.textContent;
  log.textContent = "";
  log.append(lastLine);
  add(shown);
  scrollToEnd();

  log.addEventListener("scroll", () => {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    toEnd.hidden = following;
  });
  toEnd.addEventListener("click", () => { following = true; toEnd.hidden = true; scrollToEnd(); });

  follow(place, (news) => {
    if (!news.text) return;
    nothing.hidden = true;
    add(news.text);
    scrollToEnd();
  });
})();
