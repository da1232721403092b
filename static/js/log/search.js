// Search through the whole log, which the server does, since most of it is not in the page.
class LogSearch {
  hits = [];
  place = -1;
  words = "";

  constructor(form, { find, mark, show }) {
    Object.assign(this, { form, find, mark, show });
    this.field = form.querySelector("input");
    this.said = form.querySelector("[data-hits]");
    form.hidden = false;
    form.addEventListener("submit", (event) => { event.preventDefault(); this.step(1); });
    form.querySelector("[data-previous]").addEventListener("click", () => this.step(-1));
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.shiftKey) return;
      event.preventDefault();
      this.step(-1);
    });
    this.field.addEventListener("input", () => { if (!this.field.value) this.look(""); });
  }

  async step(by) {
    if (this.field.value !== this.words) {
      if (!(await this.look(this.field.value)) || !this.hits.length) return;
      this.place = by > 0 ? 0 : this.hits.length - 1;
    } else if (this.hits.length) this.place = (this.place + by + this.hits.length) % this.hits.length;
    this.say();
    if (this.hits.length) this.show(this.hits[this.place]);
  }

  // False: there is no answer, or by now it is to another question.
  async look(words) {
    const answer = words ? await this.find(words) : { lines: [], are_all: true };
    if (!answer || words !== this.field.value) return false;
    this.mark(words);
    [this.words, this.hits, this.areAll, this.place] = [words, answer.lines, answer.are_all, -1];
    this.say();
    return true;
  }

  say() {
    const { none, some, many } = this.said.dataset;
    const sentence = this.hits.length ? (this.areAll ? some : many) : none;
    const values = { place: this.place + 1, number: this.hits.length };
    this.said.textContent = this.words ? sentence.replace(/%\((\w+)\)s/g, (_, name) => values[name]) : "";
  }
}
