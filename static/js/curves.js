// A curve for each metric of a train, what is learnt first. Colours are the stylesheet's.
(() => {
  const place = document.getElementById("curves");
  const figures = place.querySelector("[data-figures]");
  const curves = new Map();
  const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const significant = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
  const first = ["loss", "reward", "eval_loss"];
  const last = ["epoch", "num_tokens"];
  const rank = (name) => [first.includes(name) ? first.indexOf(name) : first.length, last.includes(name), name].join();

  const axis = (more) => ({
    stroke: colour("--quiet"), grid: { stroke: colour("--bs-border-color"), width: 1 }, ticks: { show: false },
    font: "12px system-ui, sans-serif", ...more,
  });

  const summary = ({ steps, values }) => {
    let last = -1, least = -1, missing = 0;
    values.forEach((value, index) => {
      if (value === null) { missing += 1; return; }
      last = index;
      if (least < 0 || value < values[least]) least = index;
    });
    const parts = last < 0 ? [] : [
      `last ${significant(values[last])} at step ${steps[last]}`,
      `lowest ${significant(values[least])} at step ${steps[least]}`,
    ];
    if (missing) parts.push(`${missing} not a number`);
    return parts.join(" · ");
  };

  class Curve {
    steps = [];
    values = [];

    constructor(name) {
      this.figure = place.querySelector("template").content.firstElementChild.cloneNode(true);
      this.figure.dataset.metric = name;
      this.figure.querySelector("[data-name]").textContent = name;
      this.text = this.figure.querySelector("[data-summary]");
      const after = [...figures.children].find((other) => rank(other.dataset.metric) > rank(name));
      figures.insertBefore(this.figure, after ?? null);
      const plot = this.figure.querySelector("[data-plot]");
      this.plot = new uPlot(this.options(plot.clientWidth), [this.steps, this.values], plot);
      new ResizeObserver(() => this.plot.setSize({ width: plot.clientWidth, height: this.plot.height })).observe(plot);
    }

    options(width) {
      return {
        width, height: 220, legend: { show: false }, scales: { x: { time: false } },
        cursor: { points: { size: 6 } }, hooks: { setCursor: [() => this.say()] },
        axes: [axis({ size: 32 }), axis({ size: 64, values: (_, marks) => marks.map(significant) })],
        series: [{}, { stroke: colour("--curve"), width: 1.5 }],
      };
    }

    say() {
      const index = this.plot?.cursor.idx;
      const value = index == null ? null : this.values[index];
      this.text.textContent = value == null ? summary(this) : `${significant(value)} at step ${this.steps[index]}`;
    }

    cutFrom(step) {
      const kept = this.steps.findIndex((done) => done >= step);
      if (kept >= 0) { this.steps.length = kept; this.values.length = kept; }
    }

    add({ steps, values }) {
      this.steps = this.steps.concat(steps);
      this.values = this.values.concat(values);
    }

    draw() {
      this.plot.setData([this.steps, this.values]);
      this.say();
    }
  }

  follow(place, ({ curves: news, replaced_from: step }) => {
    if (step !== null) for (const curve of curves.values()) curve.cutFrom(step);
    for (const [name, points] of Object.entries(news)) {
      if (!curves.has(name)) curves.set(name, new Curve(name));
      curves.get(name).add(points);
    }
    for (const curve of curves.values()) curve.draw();
    place.querySelector("[data-nothing]").hidden = curves.size > 0;
  });

  document.addEventListener("theme", () => { for (const curve of curves.values()) curve.plot.redraw(false); });
})();
