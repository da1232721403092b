// "3 minutes ago" stays true while a page is open, and the server learns in which zone to tell times.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && navigator.cookieEnabled) document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;

  const units = [
    [1440, (days) => ngettext("%(count)s day ago", "%(count)s days ago", days)],
    [60, (hours) => ngettext("%(count)s hour ago", "%(count)s hours ago", hours)],
    [1, (minutes) => ngettext("%(count)s minute ago", "%(count)s minutes ago", minutes)],
  ];

  const ago = (time) => {
    const minutes = Math.floor((Date.now() - new Date(time.dateTime)) / 60000);
    if (minutes < 1) return gettext("just now");
    if (minutes >= 31 * 1440) return time.dataset.ago;
    const [unit, words] = units.find(([unit]) => minutes >= unit);
    const count = Math.floor(minutes / unit);
    return interpolate(words(count), { count }, true);
  };

  const absolute = () => /(?:^|; )times=absolute/.test(document.cookie);
  const show = (time) => {
    time.dataset.ago ||= time.textContent;
    const said = absolute() ? time.title : ago(time);
    if (time.textContent !== said) time.textContent = said;
  };
  const refresh = (place) => { for (const time of place.querySelectorAll("time[data-ago]")) show(time); };

  if (absolute()) refresh(document);
  setInterval(() => { if (!document.hidden) refresh(document); }, 30000);
  document.addEventListener("htmx:load", (event) => { if (absolute()) refresh(event.target); });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-times]")) return;
    document.cookie = `times=${absolute() ? "relative" : "absolute"}; path=/; max-age=31536000; samesite=lax`;
    refresh(document);
  });
})();
