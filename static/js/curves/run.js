// The curves of one train as this page holds them: a bounded number of points, however long it stays open.
const MOST_ADDED = 2000; // points of a curve, beyond those that came at once; then the whole is asked for again

class Run {
  curves = new Map();
  fine = new Map();
  after = 0;
  added = 0;
  ended = false;

  constructor({ name, slot, metrics, csv, started }) {
    Object.assign(this, { name, slot, metrics, csv, started });
  }

  get address() { return `${this.metrics}?after=${this.after}`; }

  finerAddress(first, last) { return `${this.metrics}?from=${first}&to=${last}`; }

  take({ curves: news, replaced_from: step, cursor, ended }) {
    if (this.after === 0) { this.curves.clear(); this.added = 0; }
    if (step !== null) this.forgetFrom(step);
    for (const [name, points] of Object.entries(news)) {
      const known = this.curves.get(name);
      if (known && this.after) this.added = Math.max(this.added, known.steps.length + points.steps.length - known.whole);
      this.curves.set(name, known ? appended(known, points) : { ...points, whole: points.steps.length });
    }
    this.ended = ended;
    this.after = this.added > MOST_ADDED ? 0 : cursor;
  }

  takeFiner(curves) { this.fine = new Map(Object.entries(curves)); }

  forgetFrom(step) {
    for (const curves of [this.curves, this.fine]) {
      for (const [name, curve] of curves) {
        curves.set(name, { ...where(curve, (done) => done < step), whole: curve.whole });
      }
    }
  }

  // Columns x and y of a metric. Null: there is no such metric, or none of its points is on this axis.
  columns(name, axis) {
    const curve = this.curves.get(name);
    if (!curve) return null;
    const whole = refined(curve, this.fine.get(name));
    const xs = this.along(axis, whole);
    return xs && { xs, ys: whole.values, steps: whole.steps };
  }

  along(axis, { steps, times }) {
    if (axis === "step") return steps;
    if (axis === "time") return times.map((at) => at - this.started);
    const tokens = this.curves.get("num_tokens");
    return tokens?.steps.length ? steps.map((step) => between(tokens.steps, tokens.values, step)) : null;
  }

  // The steps that lie between two places of an axis, both ends included.
  stepsWithin(axis, first, last) {
    if (axis === "step") return [Math.max(0, Math.floor(first)), Math.ceil(last)];
    const longest = [...this.curves.values()].reduce((one, other) => (other.steps.length > one.steps.length ? other : one));
    const xs = this.along(axis, longest);
    return xs && [first, last].map((x) => longest.steps[nearest(xs, x)]);
  }
}
