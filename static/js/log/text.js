// A line of the log as it looks on a terminal: colours as classes, other codes taken out, what is searched for marked.
const SGR = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse" };
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"] };
// eslint-disable-next-line no-control-regex
const CODES = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

const applied = (style, codes) => {
  const next = { ...style, marks: new Set(style.marks) };
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code === 0) return applied({ marks: new Set() }, codes.slice(index + 1));
    if (code in SGR) next.marks.add(SGR[code]);
    for (const mark of ENDS[code] ?? []) next.marks.delete(mark);
    if (code === 38 || code === 48) { // 256 colours: the first sixteen are ours; the others stay as they were
      const chosen = codes[index + 1] === 5 ? codes[index + 2] : -1;
      if (chosen >= 0 && chosen < 16) next[code === 38 ? "ink" : "ground"] = chosen;
      index += codes[index + 1] === 5 ? 2 : 4;
    } else if (code >= 30 && code <= 37) next.ink = code - 30;
    else if (code >= 90 && code <= 97) next.ink = code - 82;
    else if (code >= 40 && code <= 47) next.ground = code - 40;
    else if (code >= 100 && code <= 107) next.ground = code - 92;
    else if (code === 39) delete next.ink;
    else if (code === 49) delete next.ground;
  }
  return next;
};

const classesOf = ({ ink, ground, marks }) => [
  ...(ink === undefined ? [] : [`ansi-${ink}`]), ...(ground === undefined ? [] : [`ansi-on-${ground}`]),
  ...[...marks].map((mark) => `ansi-${mark}`),
].join(" ");

// Pieces of a line, each with its classes.
const pieces = (text) => {
  const found = [];
  let style = { marks: new Set() }, place = 0;
  for (const code of text.matchAll(CODES)) {
    if (code.index > place) found.push([text.slice(place, code.index), classesOf(style)]);
    if (code[2] === "m") style = applied(style, (code[1] || "0").split(";").map(Number));
    place = code.index + code[0].length;
  }
  if (place < text.length) found.push([text.slice(place), classesOf(style)]);
  return found;
};

// Where in a text the words are, whatever their case.
const hitsIn = (text, words) => {
  const found = [], low = text.toLowerCase();
  for (let at = words ? low.indexOf(words) : -1; at >= 0; at = low.indexOf(words, at + words.length)) found.push(at);
  return found;
};

const inked = (text, classes, tag = "span") => {
  const element = document.createElement(tag);
  element.textContent = text;
  if (classes) element.className = classes;
  return element;
};

// The nodes of a line. A hit may run through pieces of several colours.
const nodesOf = (text, words) => {
  const parts = pieces(text);
  const hits = hitsIn(parts.map(([piece]) => piece).join(""), words).map((at) => [at, at + words.length]);
  const nodes = [];
  let start = 0;
  for (const [piece, classes] of parts) {
    let at = 0;
    for (const [from, to] of hits) {
      const [first, last] = [Math.max(from - start, at), Math.min(to - start, piece.length)];
      if (first >= last) continue;
      if (first > at) nodes.push(inked(piece.slice(at, first), classes));
      nodes.push(inked(piece.slice(first, last), classes, "mark"));
      at = last;
    }
    if (at < piece.length) nodes.push(inked(piece.slice(at), classes));
    start += piece.length;
  }
  return nodes;
};
