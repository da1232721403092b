// The lines of the log that are in the page: some two thousand at most, wherever in the log they are.
const MOST_LINES = 2000;

class Lines {
  words = "";

  constructor(box) { this.box = box; }

  get nodes() { return this.box.querySelectorAll(".log-line"); }
  get count() { return this.nodes.length; }
  get first() { return this.numberOf(this.box.querySelector(".log-line")); }
  get last() { return this.numberOf(this.box.lastElementChild); }
  get isAtEnd() { return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24; }

  numberOf(node) { return node ? Number(node.id.slice(1)) : 0; }
  find(number) { return this.box.querySelector(`#L${number}`); }

  made([number, text, before]) {
    const line = document.createElement("div"), link = document.createElement("a"), code = document.createElement("code");
    line.className = "log-line";
    line.id = `L${number}`;
    line.source = text;
    link.href = `#L${number}`;
    link.textContent = number;
    link.tabIndex = -1; // two thousand stops on the way to the next part of the page
    code.append(...nodesOf(text, this.words));
    line.append(link, code);
    return before ? [inked(before, "log-mark", "div"), line] : [line];
  }

  replace(lines) { this.box.replaceChildren(...lines.flatMap((line) => this.made(line))); }

  // The last line that is there may have grown meanwhile, so it comes again.
  append(lines) {
    const again = lines.length && this.last === lines[0][0] ? this.box.lastElementChild : null;
    if (again && again.source === lines[0][1]) lines = lines.slice(1);
    else if (again) { again.replaceWith(this.made(lines[0]).at(-1)); lines = lines.slice(1); }
    this.box.append(...lines.flatMap((line) => this.made(line)));
    if (this.count > MOST_LINES) this.keepPlace(() => this.drop(this.count - MOST_LINES, "firstElementChild"));
  }

  prepend(lines) {
    const first = this.first;
    const earlier = lines.filter(([number]) => number < first);
    this.keepPlace(() => this.box.prepend(...earlier.flatMap((line) => this.made(line))));
    this.drop(this.count - MOST_LINES, "lastElementChild");
  }

  drop(number, side) {
    for (let left = number; left > 0; this.box[side].remove()) if (this.box[side].matches(".log-line")) left -= 1;
  }

  // What is above may change; what one reads stays where it is.
  keepPlace(change) {
    const fromTheEnd = this.box.scrollHeight - this.box.scrollTop;
    change();
    this.box.scrollTop = this.box.scrollHeight - fromTheEnd;
  }

  mark(words) {
    this.words = words.toLowerCase();
    for (const line of this.nodes) {
      const code = line.querySelector("code");
      if (line.source !== undefined) code.replaceChildren(...nodesOf(line.source, this.words));
    }
  }

  select(first, last) {
    for (const line of this.nodes) {
      const number = this.numberOf(line);
      line.classList.toggle("is-selected", number >= first && number <= last);
    }
  }
}
