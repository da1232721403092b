// Parts that change while a job runs. Nothing is asked for while the tab is hidden.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-live]")) event.preventDefault();
});

// Every two seconds asks data-follow for what came after the cursor data-after, and shows it until the job has ended.
const follow = async (place, show) => {
  const trouble = place.querySelector("[data-trouble]");
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  let after = place.dataset.after;
  for (;;) {
    const answer = document.hidden ? null : await fetch(`${place.dataset.follow}?after=${after}`).catch(() => null);
    if (answer?.redirected) { trouble.textContent = "You are signed out: reload the page."; return; }
    if (!document.hidden) trouble.textContent = answer?.ok ? "" : "The console does not answer; trying again.";
    if (answer?.ok) {
      const news = await answer.json();
      after = news.cursor;
      show(news);
      if (news.ended) return;
      if (news.more) continue;
    }
    await pause(2000);
  }
};
