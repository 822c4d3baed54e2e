// Comforts on the permissions of a role, which work without script: the matrix, the bar that stays, the sentence.
(() => {
  "use strict";

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const count = (number, noun, nouns = `${noun}s`) => `${number.toLocaleString()} ${number === 1 ? noun : nouns}`;

  // The matrix

  class Matrix {
    constructor(root) {
      this.root = root;
      this.form = root.closest("form");
      this.said = root.querySelector("[data-rx-said]");
      this.filter = "all";
      this.words = [];
      this.boxes = all("[data-rx-box]", root).map((input) => this.box(input));
      this.byKey = new Map(this.boxes.map((box) => [box.key, box]));
      this.categories = all("[data-rx-category]", root).map((element) => this.category(element));
      this.bar = this.form?.querySelector("[data-rx-bar]");
      this.start();
    }

    box(input) {
      const { name, note = "" } = input.dataset;
      const cell = input.closest("[data-rx-cell]");
      return {
        input, name, note, cell,
        key: input.value,
        row: input.closest("[data-rx-row]"),
        column: cell.dataset.column,
        locked: input.disabled,
        own: "own" in input.dataset,
        dangerous: "dangerous" in input.dataset,
        unused: input.dataset.unused ?? "",
        needs: (input.dataset.needs ?? "").split(" ").filter(Boolean),
        text: `${name} ${input.value}`.toLowerCase(),
        mark: cell.querySelector("[data-rx-change]"),
        shown: true,
      };
    }

    category(element) {
      const boxes = this.boxes.filter((box) => element.contains(box.input));
      const heads = all("[data-rx-head]", element).map((input) => this.head(input, boxes));
      const details = element.querySelector("details");
      const grid = element.querySelector("[data-rx-grid]");
      return { element, details, grid, boxes, heads, name: element.dataset.rxCategory, columns: grid.matches("table") };
    }

    head(input, boxes) {
      const row = input.closest("[data-rx-row]");
      const { rxHead: kind, of: column } = input.dataset;
      const under = boxes.filter((box) => (kind === "row" ? box.row === row : kind === "column" ? box.column === column : true));
      return { input, boxes: under, label: input.getAttribute("aria-label") };
    }

    start() {
      // What is locked can be reached and asked why; the server keeps it as it is, whatever is sent.
      for (const box of this.boxes) {
        if (!box.locked) continue;
        box.input.disabled = false;
        box.input.removeAttribute("name");
        box.input.setAttribute("aria-disabled", "true");
      }
      for (const category of this.categories) {
        for (const head of category.heads) head.input.hidden = false;
        for (const line of all("[data-rx-detail]", category.element)) line.hidden = false;
        this.nameRoles(category);
      }
      this.root.dataset.ready = "";
      this.root.querySelector("[data-rx-tools]").hidden = false;
      this.listen();
      this.refresh();
    }

    // A grid moves the focus within itself by arrows, which only script can do; without it, it is a table or a list.
    nameRoles({ grid, columns }) {
      grid.setAttribute("role", "grid");
      if (columns) return;
      for (const item of grid.children) {
        item.setAttribute("role", "row");
        item.firstElementChild.setAttribute("role", "gridcell");
      }
    }

    listen() {
      const { root } = this;
      root.addEventListener("click", (event) => {
        const { target } = event;
        if (target.matches("[aria-disabled=true]")) event.preventDefault();
        const filter = target.closest("[data-rx-filter]");
        if (filter) this.show({ filter: filter.dataset.rxFilter });
        if (target.closest("[data-rx-clear]")) this.showAll();
        if (target.closest("[data-rx-open]")) this.openAll();
      });
      root.addEventListener("change", (event) => this.changed(event.target));
      root.addEventListener("focusin", (event) => this.focused(event.target));
      root.addEventListener("pointerover", (event) => this.explain(event.target));
      root.addEventListener("pointerleave", () => this.explain(document.activeElement));
      root.addEventListener("keydown", (event) => this.key(event));
      root.addEventListener("toggle", () => this.nameOpener(), true);
      const search = root.querySelector("[data-rx-search]");
      search.addEventListener("input", () => this.show({ text: search.value }));
      search.addEventListener("keydown", (event) => {
        if (event.key === "Enter") event.preventDefault();
        if (event.key === "Escape" && search.value) {
          event.preventDefault();
          search.value = "";
          this.show({ text: "" });
        }
      });
      this.form?.addEventListener("reset", () => setTimeout(() => this.refresh()));
    }

    // Ticking

    changed(input) {
      const head = this.categories.flatMap((category) => category.heads).find((one) => one.input === input);
      if (head) this.tickAll(this.changeable(head.boxes));
      else if (this.byKey.has(input.value)) this.tick([this.byKey.get(input.value)], input.checked);
      else return;
      this.refresh();
      this.form?.dispatchEvent(new CustomEvent("rx:permissions"));
    }

    // A head shows what is granted; pressed, it grants all that it may, or takes all that away again.
    tickAll(boxes) {
      const on = boxes.some((box) => !box.input.checked);
      this.tick(boxes.filter((box) => box.input.checked !== on), on);
    }

    tick(boxes, on) {
      for (const box of boxes) box.input.checked = on;
      const sentences = on ? boxes.flatMap((box) => this.bringCompanions(box)) : this.keepCompanions(boxes);
      if (boxes.length > 1) sentences.unshift(`${count(boxes.length, "permission")} ${on ? "ticked" : "unticked"}.`);
      this.say([...new Set(sentences)].slice(0, 5).join(" "));
    }

    // To change something one has to find and read it: what a permission needs comes along, and is told.
    bringCompanions(box) {
      const missing = box.needs.map((key) => this.byKey.get(key)).filter((needed) => needed && !needed.input.checked);
      const withheld = missing.find((needed) => needed.locked);
      if (withheld) {
        box.input.checked = false;
        return [`${box.key} needs ${withheld.key}, which you do not hold and so cannot grant.`];
      }
      return missing.map((needed) => {
        needed.input.checked = true;
        return `${needed.key} was added, because it is needed by ${box.key}.`;
      });
    }

    keepCompanions(boxes) {
      const needing = (box) => this.boxes.find((one) => one.input.checked && !one.own && !one.locked && one.needs.includes(box.key));
      return boxes.flatMap((box) => {
        const keeper = needing(box);
        if (!keeper) return [];
        box.input.checked = true;
        return [`${box.key} stays, because it is needed by ${keeper.key}, which you are adding.`];
      });
    }

    changeable(boxes) {
      return boxes.filter((box) => box.shown && !box.locked);
    }

    say(sentence) {
      this.said.textContent = sentence;
    }

    // What is shown

    show({ filter = this.filter, text }) {
      const wasNarrowed = this.narrowed;
      this.filter = filter;
      if (text !== undefined) this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
      if (!wasNarrowed && this.narrowed) for (const { details } of this.categories) details.dataset.was = details.open ? "open" : "";
      if (wasNarrowed && !this.narrowed) for (const { details } of this.categories) details.open = details.dataset.was === "open";
      for (const button of all("[data-rx-filter]", this.root)) {
        button.setAttribute("aria-pressed", String(button.dataset.rxFilter === filter));
      }
      this.narrow();
      this.refresh();
      const shown = this.boxes.filter((box) => box.shown).length;
      this.say(this.narrowed ? (shown ? `${count(shown, "permission")} shown.` : "No permission matches.") : "All permissions shown.");
    }

    showAll() {
      const search = this.root.querySelector("[data-rx-search]");
      search.value = "";
      this.show({ filter: "all", text: "" });
      search.focus();
    }

    get narrowed() {
      return this.filter !== "all" || this.words.length > 0;
    }

    narrow() {
      for (const box of this.boxes) {
        box.shown = this.passes(box, this.filter) && this.words.every((word) => box.text.includes(word));
      }
      for (const category of this.categories) {
        for (const box of category.boxes) box.cell.classList.toggle("rx-out", !box.shown);
        const rows = new Set(category.boxes.map((box) => box.row));
        const kept = new Set(category.boxes.filter((box) => box.shown).map((box) => box.row));
        for (const row of rows) row.hidden = !kept.has(row);
        category.element.hidden = kept.size === 0;
        if (this.narrowed && kept.size) category.details.open = true;
      }
      const none = this.root.querySelector("[data-rx-none]");
      none.hidden = this.boxes.some((box) => box.shown);
      none.querySelector("[data-rx-none-text]").textContent = this.words.length
        ? `No permission matches “${this.words.join(" ")}”.`
        : { changed: "Nothing is changed yet.", granted: "Nothing is granted yet." }[this.filter] ?? "No permission matches.";
    }

    passes(box, filter) {
      if (filter === "changed") return this.isChanged(box);
      if (filter === "granted") return box.input.checked;
      if (filter === "dangerous") return box.dangerous;
      return filter !== "unused" || box.unused !== "";
    }

    isChanged(box) {
      return !box.locked && box.input.checked !== box.own;
    }

    openAll() {
      const open = !this.categories.every(({ details }) => details.open);
      for (const { details } of this.categories) details.open = open;
    }

    nameOpener() {
      const opener = this.root.querySelector("[data-rx-open]");
      opener.textContent = this.categories.every(({ details }) => details.open) ? "Close all" : "Open all";
      this.oneTabStop();
    }

    // What is told

    refresh() {
      for (const box of this.boxes) {
        const change = this.isChanged(box) ? (box.input.checked ? "added" : "removed") : "";
        if (box.cell.dataset.change !== change) {
          box.cell.dataset.change = change;
          box.mark.textContent = change;
        }
      }
      for (const category of this.categories) {
        const changed = category.boxes.filter((box) => this.isChanged(box)).length;
        const changes = category.element.querySelector("[data-rx-changes]");
        changes.hidden = !changed;
        changes.textContent = `${changed} changed`;
        category.element.querySelector("[data-rx-count]").textContent = `${this.granted(category.boxes)} of ${category.boxes.length}`;
        for (const head of category.heads) this.refreshHead(head);
      }
      for (const button of all("[data-rx-filter]", this.root)) {
        const number = this.boxes.filter((box) => this.passes(box, button.dataset.rxFilter)).length;
        button.querySelector("[data-rx-number]").textContent = number;
        if (button.dataset.rxFilter === "unused") button.hidden = number === 0;
      }
      this.nameOpener();
      this.tellPending();
    }

    granted(boxes) {
      return boxes.filter((box) => box.input.checked).length;
    }

    refreshHead({ input, boxes, label }) {
      const shown = boxes.filter((box) => box.shown);
      const on = this.granted(shown);
      input.checked = on > 0 && on === shown.length;
      input.indeterminate = on > 0 && on < shown.length;
      if (shown.every((box) => box.locked)) input.setAttribute("aria-disabled", "true");
      else input.removeAttribute("aria-disabled");
      const hidden = boxes.length - shown.length;
      const tail = hidden ? `, the ${shown.length} shown of ${boxes.length}` : "";
      input.setAttribute("aria-label", `${label}${tail}: ${on} of ${shown.length}`);
    }

    tellPending() {
      if (!this.bar) return;
      const changed = this.boxes.filter((box) => this.isChanged(box));
      const added = this.granted(changed);
      const parts = [added && `${added} added`, changed.length - added && `${changed.length - added} removed`].filter(Boolean);
      const { people } = this.bar.dataset;
      const told = [parts.join(", "), people !== undefined && `${count(Number(people), "person", "people")} affected`];
      const text = parts.length ? told.filter(Boolean).join(" · ") : "No permission changed";
      const place = this.bar.querySelector("[data-rx-pending]");
      if (place.textContent !== text) place.textContent = text;
      this.bar.toggleAttribute("data-pending", parts.length > 0);
    }

    // The line below a grid tells of the box under the focus or the pointer, for its cells have no words of their own.
    explain(target) {
      const input = target?.closest?.("[data-rx-cell]")?.querySelector("[data-rx-box]");
      const box = input && this.byKey.get(input.value);
      const line = box && box.cell.closest("[data-rx-category]").querySelector("[data-rx-detail]");
      if (!line) return;
      line.removeAttribute("data-hint");
      const code = document.createElement("code");
      code.className = "rx-key";
      code.textContent = box.key;
      const rest = [box.dangerous && "dangerous", box.unused, box.note].filter(Boolean);
      line.replaceChildren(box.name, " ", code, rest.length ? ` · ${rest.join(" · ")}` : "");
    }

    // Keys: one tab stop for each grid, arrows by what stands where.

    stops({ grid, details, element }) {
      if (!details.open || element.hidden) return [];
      return all("input", grid).filter((input) => input.checkVisibility({ visibilityProperty: true }));
    }

    oneTabStop() {
      for (const category of this.categories) {
        const stops = this.stops(category);
        const current = stops.includes(category.last) ? category.last : stops.find((input) => "rxBox" in input.dataset) ?? stops[0];
        for (const input of all("input", category.grid)) input.tabIndex = input === current ? 0 : -1;
      }
    }

    focused(target) {
      this.explain(target);
      const category = this.categories.find(({ grid }) => grid.contains(target));
      if (!category || !target.matches("input")) return;
      category.last = target;
      this.oneTabStop();
    }

    key(event) {
      const category = this.categories.find(({ grid }) => grid.contains(event.target));
      if (!category || !event.target.matches("input") || event.altKey || event.metaKey) return;
      const next = this.neighbour(event, this.stops(category));
      if (!next) return;
      event.preventDefault();
      next.focus();
    }

    neighbour({ key, ctrlKey, target }, stops) {
      const place = new Map(stops.map((input) => [input, input.getBoundingClientRect()]));
      const here = place.get(target);
      const middle = (rect) => rect.top + rect.height / 2;
      const sameRow = stops.filter((input) => Math.abs(middle(place.get(input)) - middle(here)) < 8);
      if (key === "Home") return ctrlKey ? stops[0] : sameRow[0];
      if (key === "End") return ctrlKey ? stops.at(-1) : sameRow.at(-1);
      if (ctrlKey) return undefined;
      if (key === "ArrowRight") return sameRow[sameRow.indexOf(target) + 1];
      if (key === "ArrowLeft") return sameRow[sameRow.indexOf(target) - 1];
      const way = { ArrowDown: 1, ArrowUp: -1 }[key];
      if (!way) return undefined;
      const ahead = stops.filter((input) => (middle(place.get(input)) - middle(here)) * way >= 8);
      const far = (input) => Math.abs(middle(place.get(input)) - middle(here)) * 4 + Math.abs(place.get(input).left - here.left);
      return ahead.sort((one, other) => far(one) - far(other))[0] ?? undefined;
    }
  }

  // The sentence: asked of the server, so that there is one place that knows how to say it.

  function liveSentence(place) {
    const form = place.closest("form");
    if (!form) return;
    let waiting;
    let asked = 0;
    const ask = async () => {
      const number = (asked += 1);
      try {
        const answer = await fetch(place.dataset.describeUrl, {
          method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
        });
        if (!answer.ok || number !== asked) return;
        const { sentence } = await answer.json();
        if (sentence !== place.textContent) place.textContent = sentence;
      } catch {
        // Out of reach just now: the last sentence stays until the next change.
      }
    };
    const later = () => {
      clearTimeout(waiting);
      waiting = setTimeout(ask, 250);
    };
    form.addEventListener("rx:permissions", later);
    for (const name of ["reach", "parent"]) {
      for (const field of all(`[name$="${name}"]`, form)) field.addEventListener("change", later);
    }
  }

  for (const root of all("[data-rx-matrix]")) new Matrix(root);
  for (const place of all("[data-describe-url]")) liveSentence(place);
})();
