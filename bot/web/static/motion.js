// What moves by itself can be stopped: one button for everything on the page, and a page that is still from the start
// for whoever has asked their system for less motion.
const motion = (() => {
  const kept = sessionStorage.getItem("still");
  let still = kept === null ? matchMedia("(prefers-reduced-motion: reduce)").matches : kept === "yes";
  const button = () => document.querySelector("button.motion");

  function show() {
    document.documentElement.classList.toggle("still-life", still);
    const label = button();
    if (label) label.textContent = label.dataset[still ? "play" : "pause"];
  }

  // An animated picture is stopped by a drawing of it in its place: browsers cannot pause one.
  function freeze(image) {
    thaw(image);
    const drawing = document.createElement("canvas");
    Object.assign(drawing, { width: image.naturalWidth, height: image.naturalHeight });
    drawing.className = image.className.replace(/\bfrozen\b/, "");
    drawing.dataset.frozen = "";
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", image.alt);
    drawing.getContext("2d").drawImage(image, 0, 0);
    image.after(drawing);
    image.classList.add("frozen");
  }
  function thaw(image) {
    if (image.nextElementSibling?.matches("canvas[data-frozen]")) image.nextElementSibling.remove();
    image.classList.remove("frozen");
  }

  function obey() {
    show();
    document.querySelectorAll("img.moves").forEach(still ? freeze : thaw);
    document.querySelectorAll("video").forEach((film) => (still ? film.pause() : film.play().catch(() => {})));
  }

  // Whether a file has more than one frame: GIF by its frames' control blocks, WEBP and PNG by their first chunks.
  function hasFrames(bytes) {
    const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
    if (text(0, 4) === "RIFF") return text(12, 48).includes("ANIM");
    if (text(1, 4) === "PNG") return text(8, 256).includes("acTL");
    if (text(0, 3) !== "GIF") return false;
    let frames = 0;
    for (let at = bytes.indexOf(0x21); at >= 0 && frames < 2; at = bytes.indexOf(0x21, at + 1))
      frames += bytes[at + 1] === 0xf9 && bytes[at + 2] === 4;
    return frames > 1;
  }
  async function look(image) {
    thaw(image);
    image.classList.remove("moves");
    const source = image.src;
    const answer = await fetch(source, { cache: "force-cache" }).catch(() => null);
    if (!answer?.ok || !hasFrames(new Uint8Array(await answer.arrayBuffer()))) return;
    if (image.src !== source || !image.isConnected) return;
    image.classList.add("moves");
    document.documentElement.classList.add("has-motion");
    if (still) freeze(image);
  }

  const on = (name, act) => document.addEventListener(name, ({ target }) => act(target), true); // these do not bubble
  on("load", (target) => target.tagName === "IMG" && target.dataset.moves && look(target));
  on("loadeddata", (film) => film.tagName === "VIDEO" && document.documentElement.classList.add("has-motion"));
  on("play", (film) => still && film.pause());
  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("button.motion")) return;
    still = !still;
    sessionStorage.setItem("still", still ? "yes" : "no");
    obey();
  });

  // Pictures may have come before this script, and the button may come after it.
  document.querySelectorAll("img[data-moves]").forEach((image) => image.complete && image.naturalWidth && look(image));
  const ready = setInterval(() => {
    if (!button()) return;
    clearInterval(ready);
    show();
  }, 50);
})();
