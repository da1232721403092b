// How the curves are shown: axis, smoothing, scale and zoom. Kept in the page's address, so that a link shows the same.
class Settings {
  constructor(form, changed) {
    this.form = form;
    this.changed = changed;
    const asked = new URLSearchParams(location.search);
    for (const name of ["x", "smooth"]) if (asked.has(name)) form.elements[name].value = asked.get(name);
    if (form.elements.x.selectedIndex < 0) form.elements.x.value = "step";
    form.elements.log.checked = asked.has("log");
    const zoom = ["from", "to"].map((name) => (asked.has(name) ? Number(asked.get(name)) : NaN));
    this.zoom = zoom.every(Number.isFinite) ? zoom : null;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => this.change(event.target.name === "x" ? { zoom: null } : {}));
    form.querySelector("[data-reset]").addEventListener("click", () => this.change({ zoom: null }));
    this.show();
  }

  get axis() { return this.form.elements.x.value; }
  get smoothing() { return Number(this.form.elements.smooth.value); }
  get log() { return this.form.elements.log.checked; }

  change({ zoom = this.zoom }) {
    const zoomed = zoom !== this.zoom;
    this.zoom = zoom;
    this.show();
    history.replaceState(null, "", this.address(new URL(location)));
    this.changed({ zoomed });
  }

  show() {
    this.form.querySelector("[data-smoothing]").textContent = this.smoothing.toLocaleString(LANGUAGE, { minimumFractionDigits: 2 });
    this.form.querySelector("[data-reset]").hidden = this.zoom === null;
  }

  // An address of this page with these settings in it.
  address(url) {
    const [from, to] = this.zoom ?? ["", ""];
    const kept = { x: this.axis === "step" ? "" : this.axis, smooth: this.smoothing || "", log: this.log ? 1 : "", from, to };
    for (const [name, value] of Object.entries(kept)) {
      if (value === "") url.searchParams.delete(name); else url.searchParams.set(name, value);
    }
    return url;
  }

  // Links and forms that lead to another choice of trains take the settings along.
  leadOn(place) {
    place.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-picks]");
      if (link) link.href = this.address(new URL(link.href));
    });
    place.querySelector("form[data-keeps-address]")?.addEventListener("formdata", ({ formData }) => {
      const address = this.address(new URL(location));
      for (const name of ["x", "smooth", "log", "from", "to"]) formData.delete(name);
      for (const name of ["x", "smooth", "log", "from", "to"]) {
        if (address.searchParams.has(name)) formData.set(name, address.searchParams.get(name));
      }
    });
  }
}
