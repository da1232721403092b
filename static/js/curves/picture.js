// What a figure says in words, beside its colours; and the figure as a picture to keep.
Figure.prototype.say = function say() {
  const left = this.plot?.cursor.left;
  const at = left >= 0 ? this.plot.posToVal(left, "x") : null;
  const lines = this.shown.map(({ run, columns }) => key(run, this.runs.length > 1, at === null ? summary(this.name, columns) : valueAt(columns, at)));
  if (!lines.length) lines.push(Object.assign(document.createElement("li"), { textContent: WORDS.nothing }));
  this.values.replaceChildren(...lines);
};

const key = (run, isNamed, text) => {
  const line = document.createElement("li");
  if (isNamed) line.append(swatch(run), ` ${run.name.length > 40 ? `${run.name.slice(0, 20)}…${run.name.slice(-19)}` : run.name} `);
  line.append(text);
  return line;
};

const valueAt = ({ xs, ys, steps }, at) => {
  if (!xs.length) return "–";
  const index = nearest(xs, at);
  return ys[index] === null ? "–" : said(WORDS.at, { value: significant(ys[index]), step: steps[index].toLocaleString(LANGUAGE) });
};

// Of a metric of which more is better its highest value, of one of which less is better its lowest; of others neither.
const bestOf = (name) => ["lowest", "highest"].find((which) => new RegExp(WORDS[`${which} is best`]).test(name));

const summary = (name, { ys, steps }) => {
  const which = bestOf(name);
  let last = -1, best = -1, missing = 0;
  ys.forEach((value, index) => {
    if (value === null) { missing += 1; return; }
    last = index;
    if (best < 0 || (which === "highest" ? value > ys[best] : value < ys[best])) best = index;
  });
  const point = (index) => ({ value: significant(ys[index]), step: steps[index].toLocaleString(LANGUAGE) });
  const parts = last < 0 ? [] : [said(WORDS.last, point(last))];
  if (last >= 0 && which) parts.push(said(WORDS[which], point(best)));
  if (missing) parts.push(said(WORDS.missing, { count: missing }));
  return parts.join(" · ");
};

// The drawn curve on the page's own ground, under its name and a key of the trains.
const picture = ({ name, label, plot, shown }) => {
  const source = plot.ctx.canvas, scale = devicePixelRatio, line = 20 * scale;
  const head = line * (shown.length + 1.5);
  const canvas = Object.assign(document.createElement("canvas"), { width: source.width, height: source.height + head });
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour("--surface")();
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = colour("--bs-body-color")();
  pen.font = `600 ${14 * scale}px system-ui, sans-serif`;
  pen.fillText(label === name ? name : `${label} (${name})`, line / 2, line);
  pen.font = `${12 * scale}px system-ui, sans-serif`;
  shown.forEach(({ run }, index) => {
    const y = line * (index + 2);
    pen.strokeStyle = colour(`--series-${run.slot}`)();
    pen.lineWidth = 2 * scale;
    pen.setLineDash(DASHES[run.slot - 1].map((length) => length * scale));
    pen.beginPath();
    pen.moveTo(line / 2, y - line / 4);
    pen.lineTo(line * 2.5, y - line / 4);
    pen.stroke();
    pen.fillText(run.name, line * 3, y);
  });
  pen.drawImage(source, 0, head);
  return canvas;
};

const savePicture = (figure) => picture(figure).toBlob((blob) => {
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: `${figure.shown.map(({ run }) => run.name).join("-")}-${figure.name.replaceAll("/", "-")}.png`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
