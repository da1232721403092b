// The page's curves: a figure for each metric in the fold of its group, and one train after the other asked for news.
(async () => {
  const place = document.getElementById("curves");
  const trouble = place.querySelector("[data-trouble]");
  const runs = JSON.parse(document.getElementById("curve-runs").textContent).map((run) => new Run(run));
  const figures = new Map();

  const draw = () => {
    for (const run of runs) for (const [name, curve] of run.curves) if (!figures.has(name)) add(name, curve);
    for (const figure of figures.values()) figure.draw(runs);
    place.querySelector("[data-nothing]").hidden = figures.size > 0;
  };

  const settings = new Settings(place.querySelector("[data-curve-settings]"), async ({ zoomed }) => {
    if (zoomed) await refine();
    draw();
  });
  settings.leadOn(place);

  // The finer points of what is zoomed into, of every train.
  const refine = async () => {
    const { axis: along, zoom } = settings;
    for (const run of runs) run.fine.clear();
    draw();
    await Promise.all(zoom ? runs.filter((run) => run.curves.size).map(async (run) => {
      const steps = run.stepsWithin(along, ...zoom);
      const answer = steps && await ask(run.finerAddress(...steps), trouble);
      if (answer && zoom === settings.zoom) run.takeFiner(answer.curves);
    }) : []);
  };

  const add = (name, { label, group: groupName, rank }) => {
    const group = place.querySelector(`[data-group="${groupName}"]`);
    const figure = new Figure(name, label, place.querySelector("template"), settings);
    figures.set(name, figure);
    figure.element.dataset.rank = rank;
    const list = group.querySelector("[data-figures]");
    list.insertBefore(figure.element, [...list.children].find((other) => other.dataset.rank > rank) ?? null);
    group.hidden = false;
    group.querySelector("[data-count]").textContent = list.children.length;
    const png = figure.element.querySelector("[data-png]");
    png.setAttribute("aria-label", said(WORDS.picture, { name: label }));
    png.addEventListener("click", () => savePicture(figure));
  };

  for (const group of place.querySelectorAll("[data-group]")) group.addEventListener("toggle", draw);
  document.addEventListener("theme", () => { for (const figure of figures.values()) figure.redraw(); });

  const listen = async (run) => {
    const news = await ask(run.address, trouble);
    if (!news) return;
    run.take(news);
    if (Object.keys(news.curves).length || news.replaced_from !== null) draw();
  };

  await Promise.all(runs.map(listen));
  if (settings.zoom) { await refine(); draw(); }
  for (;;) {
    for (const run of runs.filter((one) => !one.ended)) {
      await nextTurn();
      await listen(run);
    }
    if (runs.every((run) => run.ended)) return;
  }
})();
