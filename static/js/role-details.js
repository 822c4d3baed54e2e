// Comforts on the details of a role, which work without script: the contrast of its colour, its slug, how it will look.
(() => {
  "use strict";

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Colour: as roles/contrast.py reckons it (WCAG 2.2).

  const HEX = /^#[0-9a-f]{6}$/i;
  const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const linear = (channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);

  function luminance(color) {
    const [red, green, blue] = channels(color).map((channel) => linear(channel / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(one, other) {
    const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  }

  function tinted(color, surface, strength = 0.15) {
    const under = channels(surface);
    const mixed = channels(color).map((over, at) => Math.round(over * strength + under[at] * (1 - strength)));
    return `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
  }

  const uses = {
    white: (color) => ["#FFFFFF", color],
    black: (color) => ["#000000", color],
    light: (color) => [color, tinted(color, "#FFFFFF")],
    dark: (color) => [color, tinted(color, "#151619")],
  };

  function judge(item, color) {
    const [figure, ground] = uses[item.dataset.rxVerdict](color);
    const ratio = contrast(figure, ground);
    const passes = ratio >= Number(item.dataset.required);
    item.toggleAttribute("data-passes", passes);
    const text = `${(Math.floor(ratio * 10) / 10).toFixed(1)} : 1, ${passes ? "passes" : "fails"} AA`;
    item.querySelector("[data-rx-verdict-text]").textContent = text;
    item.querySelector("[data-rx-ground]").setAttribute("fill", ground);
    const drawn = item.querySelector("[data-rx-figure]");
    drawn.setAttribute(drawn.dataset.rxFigure, figure);
  }

  function colorField(root) {
    const hex = root.querySelector("[data-rx-hex]");
    const picker = root.querySelector("[data-rx-picker]");
    const swatches = all("[data-color]", root);
    const show = () => {
      const typed = hex.value.trim();
      if (!HEX.test(typed)) return;
      picker.value = typed.toLowerCase();
      for (const swatch of swatches) {
        swatch.setAttribute("aria-pressed", String(swatch.dataset.color.toLowerCase() === typed.toLowerCase()));
      }
      for (const item of all("[data-rx-verdict]", root)) judge(item, typed);
    };
    const choose = (color) => {
      hex.value = color.toUpperCase();
      hex.dispatchEvent(new Event("input", { bubbles: true }));
    };
    hex.addEventListener("input", show);
    picker.addEventListener("input", () => choose(picker.value));
    for (const swatch of swatches) swatch.addEventListener("click", () => choose(swatch.dataset.color));
    picker.hidden = false;
    root.querySelector("[data-rx-swatches]").hidden = false;
    show();
  }

  // Details: the slug that a name suggests, and how the role will look.

  function slugOf(text) {
    const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
    return plain.replace(/[^\w\s-]/g, "").trim().replace(/[-\s]+/g, "-").replace(/^[-_]+|[-_]+$/g, "").slice(0, 60);
  }

  function suggestSlug(slug) {
    const source = document.getElementById(slug.dataset.rxSlugOf);
    let follows = slug.value === "" || slug.value === slugOf(source.value);
    slug.addEventListener("input", () => (follows = slug.value === ""));
    source.addEventListener("input", () => {
      if (follows) slug.value = slugOf(source.value);
    });
  }

  function preview(place) {
    const form = place.closest("form");
    const mark = place.querySelector("svg");
    const use = mark.querySelector("use");
    const sprite = use.getAttribute("href").split("#")[0];
    const show = () => {
      const values = new FormData(form);
      const ending = (name) => [...values].find(([field]) => field === name || field.endsWith(`-${name}`))?.[1];
      if (HEX.test(ending("color") ?? "")) mark.setAttribute("color", ending("color"));
      if (ending("icon")) use.setAttribute("href", `${sprite}#${ending("icon")}`);
      place.querySelector("[data-rx-preview-name]").textContent = ending("display_name") || "New role";
    };
    form.addEventListener("input", show);
    show();
  }

  for (const root of all("[data-rx-color]")) colorField(root);
  for (const slug of all("[data-rx-slug-of]")) suggestSlug(slug);
  for (const place of all("[data-rx-preview]")) preview(place);
})();
