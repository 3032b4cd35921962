// The playground's own: sliders that follow a number, the mixer's point, and a form that a recipe fills.
const playground = (() => {
  const form = () => document.querySelector("form.bench");
  const field = (name) => form().elements.namedItem(name);

  // A logarithmic slider and its number: 0…1000 along the slider is low…high.
  const toSlider = (value, { low, high }) => (1000 * Math.log(value / low)) / Math.log(high / low);
  function toNumber(at, { low, high, whole }) {
    const value = low * (high / low) ** (at / 1000);
    return whole !== undefined ? Math.round(value) : Number(value.toPrecision(3));
  }
  function follow(number) {
    const slider = document.querySelector(`[data-log-of="${number.id}"]`);
    if (!slider) return;
    const { low, high } = slider.dataset;
    slider.classList.toggle("idle", number.value === "");
    const at = number.value === "" ? 0 : toSlider(Math.max(Number(number.value), Number(low)), { low, high });
    slider.value = at;
    slider.style.setProperty("--at", `${Math.min(100, slider.value / 10)}%`);
    slider.setAttribute("aria-valuetext", number.value || number.placeholder);
  }

  // The mixer: two sliders for keys, a point for fingers.
  const axis = (name) => document.querySelector(`.axis[name=mix-${name}]`);
  let told = 0;
  function showPoint(tell) {
    const pad = document.querySelector(".pad");
    const [x, y] = ["x", "y"].map((name) => Number(axis(name).value) / 100);
    pad.style.setProperty("--x", x);
    pad.style.setProperty("--y", y);
    if (!tell) return;
    clearTimeout(told);
    told = setTimeout(() => emitEvent("mix", { x, y }), 60);
  }
  function drag(event) {
    const box = document.querySelector(".pad").getBoundingClientRect();
    const part = (at, from, size) => Math.round(100 * Math.min(1, Math.max(0, (at - from) / size)));
    axis("x").value = part(event.clientX, box.left, box.width);
    axis("y").value = part(event.clientY, box.top, box.height);
    touch();
    showPoint(true);
  }
  document.addEventListener("pointerdown", (event) => {
    const pad = event.target.closest?.(".pad");
    if (!pad) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    drag(event);
    axis("x").focus({ preventScroll: true });
  });
  document.addEventListener("pointermove", (event) => {
    if (event.target.closest?.(".pad")?.hasPointerCapture(event.pointerId)) drag(event);
  });
  document.addEventListener("keydown", (event) => {
    // Up and down belong to the other axis, whichever of the two has the focus.
    const by = { ArrowUp: ["y", -5], ArrowDown: ["y", 5], ArrowLeft: ["x", -5], ArrowRight: ["x", 5] }[event.key];
    if (!by || !event.target.classList?.contains("axis")) return;
    event.preventDefault();
    axis(by[0]).value = Number(axis(by[0]).value) + by[1];
    axis(by[0]).focus();
    touch();
    showPoint(true);
  });

  // What a recipe set counts to the letter until somebody changes it.
  const touch = () => field("recipe") && (field("recipe").value = "");

  document.addEventListener("input", ({ target }) => {
    if (!target.closest?.("form.bench") || target.type === "file" || target.id === "recipe-code") return;
    touch();
    if (target.dataset.logOf) {
      const number = document.getElementById(target.dataset.logOf);
      number.value = toNumber(target.value, target.dataset);
      follow(number);
    } else if (target.classList.contains("axis")) showPoint(true);
    else if (target.classList.contains("knob-number")) follow(target);
    else if (target.closest(".layer")) showLayer(target);
    else if (target.name === "method") showMethod();
  });

  const showLayer = (slider) => slider.style.setProperty("--at", `${slider.value}%`);

  function showMethod() {
    const gatys = field("method").value === "gatys";
    const knobs = document.querySelector(".gatys-knobs");
    knobs.classList.toggle("counts", gatys);
    if (gatys) knobs.open = true;
  }

  function showAll() {
    document.querySelectorAll(".knob-number").forEach(follow);
    document.querySelectorAll("[data-shown]").forEach((slider) => studio.follow(slider));
    document.querySelectorAll(".layer .slider").forEach(showLayer);
    showMethod();
    showPoint(true);
  }

  // Enter in the code's field opens the recipe; it does not paint.
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "recipe-code" || event.key !== "Enter") return;
    event.preventDefault();
    event.target.parentElement.querySelector("button").click();
  });

  const ready = setInterval(() => {
    if (!form() || !axis("y")) return;
    clearInterval(ready);
    showAll();
  }, 50);

  return {
    fill: (fields) => {
      for (const [name, value] of Object.entries(fields)) {
        const found = field(name);
        if (found?.type === "checkbox") found.checked = value === found.value;
        else if (found) found.value = value;
      }
      field("recipe").value = "1";
      showAll();
    },
  };
})();
globalThis.playground = playground;
