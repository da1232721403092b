// One metric of every train that has it, as a figure. Colours are the stylesheet's, and each train has dashes of its own.
const DASHES = [[], [8, 4], [2, 3], [12, 4, 2, 4], [5, 2], [14, 6]];
const WORDS = JSON.parse(document.getElementById("curve-words").textContent);
const LANGUAGE = document.documentElement.lang || "en";

const said = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
const significant = (value) => value.toLocaleString(LANGUAGE, { maximumSignificantDigits: 4 });
const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// There is no half of a step, nor of a token.
const WHOLE = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((times) => times * 10 ** power)).flat();

const axis = (more) => ({
  stroke: colour("--quiet"), grid: { stroke: colour("--bs-border-color"), width: 1 }, ticks: { show: false },
  font: "12px system-ui, sans-serif", ...more,
});
const swatch = ({ slot }) => {
  const drawn = document.querySelector(".picked .swatch").cloneNode(true);
  drawn.firstElementChild.setAttribute("class", `series-${slot}`);
  return drawn;
};
const asTime = (seconds) => {
  const whole = Math.round(seconds), [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours}:${String(minutes).padStart(2, "0")} h`;
  return minutes ? `${minutes}:${String(whole % 60).padStart(2, "0")} min` : `${significant(seconds)} s`;
};

class Figure {
  runs = [];
  links = [];
  shown = [];

  constructor(name, label, template, settings) {
    this.name = name;
    this.label = label;
    this.settings = settings;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.metric = name;
    this.element.querySelector("[data-label]").textContent = label;
    this.element.querySelector("[data-name]").textContent = label === name ? "" : name;
    this.link = this.element.querySelector("[data-csv]");
    this.link.remove();
    this.place = this.element.querySelector("[data-plot]");
    this.place.setAttribute("aria-label", said(WORDS.plot, { name: label }));
    this.place.addEventListener("keydown", (event) => this.walk(event));
    this.values = this.element.querySelector("[data-values]");
    new ResizeObserver(() => this.fit()).observe(this.place);
  }

  // Every train's points of this metric, as a file.
  offer(runs) {
    this.links.forEach((link) => link.remove());
    this.links = runs.map((run) => {
      const link = this.link.cloneNode(true);
      link.href = `${run.csv}?metric=${encodeURIComponent(this.name)}`;
      link.setAttribute("aria-label", said(WORDS.points, { name: `${this.label}, ${run.name}` }));
      if (runs.length > 1) link.prepend(swatch(run));
      return link;
    });
    this.element.querySelector("[data-png]").before(...this.links);
  }

  // Draws the runs that have this metric. What is folded away is drawn when it is unfolded.
  draw(runs) {
    const known = runs.filter((run) => run.curves.has(this.name));
    if (known.length !== this.runs.length) this.offer(known);
    this.runs = known;
    if (!this.place.clientWidth) return;
    const { axis: along, smoothing, log } = this.settings;
    this.shown = this.runs.map((run) => ({ run, columns: run.columns(this.name, along) })).filter(({ columns }) => columns);
    const kind = JSON.stringify([along, smoothing > 0, log, this.shown.map(({ run }) => run.slot)]);
    const data = this.data(smoothing, log);
    if (kind === this.kind) this.plot.setData(data); else this.build(data);
    this.kind = kind;
    this.element.dataset.points = Math.max(0, ...this.shown.map(({ columns }) => columns.xs.length));
    this.say();
  }

  data(smoothing, log) {
    const visible = (ys) => (log ? ys.map((y) => (y > 0 ? y : null)) : ys);
    const tables = this.shown.map(({ columns: { xs, ys } }) =>
      (smoothing ? [xs, visible(ys), visible(smoothed(ys, smoothing))] : [xs, visible(ys)]));
    if (!tables.length) return [[], []];
    return tables.length === 1 ? tables[0] : uPlot.join(tables);
  }

  build(data) {
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), data, this.place);
  }

  options() {
    const { settings } = this;
    const line = (slot, more) => ({ stroke: colour(`--series-${slot}`), width: 1.5, dash: DASHES[slot - 1], points: { size: 4 }, ...more });
    const lines = this.shown.flatMap(({ run: { slot } }) =>
      (settings.smoothing ? [line(slot, { alpha: 0.3, width: 1, points: { show: false } }), line(slot)] : [line(slot)]));
    return {
      width: this.place.clientWidth, height: 220, legend: { show: false },
      scales: { x: { time: false, range: (_, least, most) => settings.zoom ?? [least, most] }, y: { distr: settings.log ? 3 : 1 } },
      cursor: {
        points: { size: 6 }, drag: { x: true, y: false, setScale: false },
        sync: { key: "curves", setSeries: false, scales: ["x", null], filters: { pub: (type) => /^mouse(move|leave)$/.test(type) } },
        bind: { dblclick: () => () => { settings.change({ zoom: null }); return null; } },
      },
      hooks: { setCursor: [() => this.say()], setSelect: [(plot) => this.zoomTo(plot)] },
      axes: [
        axis({ size: 32, space: 80, ...(settings.axis === "time" ? {} : { incrs: WHOLE }), values: (_, marks) => marks.map(settings.axis === "time" ? asTime : significant) }),
        axis({ size: 64, values: (_, marks) => marks.map((mark) => (mark === null ? "" : significant(mark))) }),
      ],
      series: [{}, ...(lines.length ? lines : [{}])],
    };
  }

  zoomTo(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const zoom = [left, left + width].map((place) => Number(plot.posToVal(place, "x").toPrecision(7)));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.settings.change({ zoom });
  }

  walk(event) {
    const far = { ArrowLeft: -8, ArrowRight: 8 }[event.key];
    if (!far || !this.plot) return;
    event.preventDefault();
    const { left = 0, top = 100 } = this.plot.cursor;
    this.plot.setCursor({ left: Math.max(0, Math.min(this.plot.over.clientWidth, left + far)), top: Math.max(0, top) }, true, true);
  }

  fit() {
    if (!this.place.clientWidth) return;
    if (!this.plot) this.draw(this.runs);
    else if (this.plot.width !== this.place.clientWidth) this.plot.setSize({ width: this.place.clientWidth, height: 220 });
  }

  redraw() { this.plot?.redraw(false); }
}
