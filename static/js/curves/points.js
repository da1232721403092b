// Columns of points: smoothed, searched, joined, cut. Nothing here knows of a page.

// TensorBoard's smoothing: an exponential moving average that is not drawn towards zero at its beginning.
const smoothed = (values, weight) => {
  let last = 0, seen = 0;
  return values.map((value) => {
    if (value === null) return null;
    last = last * weight + (1 - weight) * value;
    seen += 1;
    return last / (1 - weight ** seen);
  });
};

// The index of the entry of a rising column that is nearest to a value.
const nearest = (column, value) => {
  let low = 0, high = column.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle; else high = middle;
  }
  return value - column[low] < column[high] - value ? low : high;
};

// What a curve given by its columns is at x, between its points by a straight line.
const between = (xs, ys, x) => {
  const near = nearest(xs, x);
  const high = Math.min(xs.length - 1, xs[near] < x ? near + 1 : near), low = Math.max(0, high - 1);
  if (xs[high] <= x || xs[high] === xs[low]) return ys[high];
  return ys[low] + ((x - xs[low]) / (xs[high] - xs[low])) * (ys[high] - ys[low]);
};

const emptyCurve = (like) => ({ steps: [], values: [], times: [], label: like.label, group: like.group, rank: like.rank });

const appended = (curve, more) => ({
  ...curve,
  steps: curve.steps.concat(more.steps),
  values: curve.values.concat(more.values),
  times: curve.times.concat(more.times),
});

const where = (curve, keep) => {
  const kept = emptyCurve(curve);
  curve.steps.forEach((step, index) => {
    if (!keep(step)) return;
    kept.steps.push(step);
    kept.values.push(curve.values[index]);
    kept.times.push(curve.times[index]);
  });
  return kept;
};

// A curve whose part between two steps is taken from a finer one.
const refined = (curve, fine) => {
  if (!fine?.steps.length) return curve;
  const [first, last] = [fine.steps[0], fine.steps.at(-1)];
  const head = where(curve, (step) => step < first);
  return appended(appended(head, fine), where(curve, (step) => step > last));
};
