// What the server cannot do: files from the disk, a drop or the clipboard, and things that must follow a finger.
const studio = (() => {
  const zoneOf = (node) => node?.closest?.("[data-drop]");
  const inputOf = (role) => document.querySelector(`input[type=file][data-role=${role}]`);
  const zone = (role) => document.querySelector(`[data-drop=${role}]`);
  let hovered = null;

  const refuse = (role, reason) => emitEvent("refused", { role, ...reason });

  // Sends one picture; the server checks it and tells its name, or the sentence why not.
  async function send(file, role) {
    if (file.size > Number(inputOf(role).dataset.max)) return refuse(role, { size: file.size });
    zone(role).classList.add("sending");
    try {
      const answer = await fetch("/pictures", { method: "POST", body: file, headers: { "X-Pastiche": "1" } });
      const said = await answer.json();
      if (said.picture) emitEvent("picture", { role, picture: said.picture });
      else refuse(role, { sentence: said.sentence });
    } catch {
      refuse(role, { reason: "failed" });
    } finally {
      zone(role).classList.remove("sending");
    }
  }

  function take(files, role) {
    const file = [...files].find((f) => f.type.startsWith("image/")) ?? files[0];
    if (file) send(file, role);
    else refuse(role, { reason: "none" });
  }

  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].some((t) => t === "Files" || t === "text/uri-list");

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dragging");
    document.querySelectorAll("[data-drop].over").forEach((z) => z.classList.remove("over"));
    (zoneOf(event.target) ?? zone("content"))?.classList.add("over");
  });
  const dragEnds = () => {
    document.body.classList.remove("dragging");
    document.querySelectorAll("[data-drop].over").forEach((z) => z.classList.remove("over"));
  };
  document.addEventListener("dragleave", (event) => event.relatedTarget || dragEnds());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    dragEnds();
    take(event.dataTransfer.files, zoneOf(event.target)?.dataset.drop ?? "content");
  });

  document.addEventListener("pointerover", (event) => (hovered = zoneOf(event.target)));
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length) return; // text goes where the cursor is
    event.preventDefault();
    take(files, (zoneOf(document.activeElement) ?? hovered)?.dataset.drop ?? "content");
  });

  document.addEventListener("change", (event) => {
    const role = event.target.dataset?.role;
    if (role && event.target.files.length) take(event.target.files, role);
  });

  const follow = (slider) => {
    document.getElementById(slider.dataset.shown).textContent = slider.value;
    slider.style.setProperty("--at", `${slider.value}%`);
  };

  document.addEventListener("input", ({ target }) => {
    if (target.dataset?.shown) follow(target);
    if (target.classList?.contains("cut")) {
      const frame = target.closest(".compare");
      frame.classList.add("touched");
      frame.style.setProperty("--cut", `${target.value}%`);
    }
  });

  document.addEventListener("click", async ({ target }) => {
    const copied = target.closest?.("[data-copy]");
    if (!copied) return;
    await navigator.clipboard.writeText(copied.dataset.copy);
    const words = copied.textContent;
    copied.textContent = copied.dataset.copied;
    setTimeout(() => (copied.textContent = words), 1200);
  });

  // A double click is one wish: the second click of one has a count of two.
  document.addEventListener(
    "click",
    (event) => event.detail > 1 && event.target.closest?.("button") && event.preventDefault(),
    true,
  );

  // Some pictures that we can paint no browser can show (TIFF, HEIC): the frame shows the pastiche alone.
  function cannotShow(image) {
    image.classList.add("unshowable");
    if (image.classList.contains("before")) image.closest(".compare").classList.add("alone");
  }

  // What is no picture may be a film: the page knows an upload by its name only.
  const filmOf = (image) => image.parentNode?.querySelector(`video[data-twin="${image.className.split(" ")[0]}"]`);
  function tryAsFilm(image) {
    filmOf(image)?.remove();
    const film = document.createElement("video");
    Object.assign(film, { className: image.className, autoplay: true, loop: true, muted: true, playsInline: true });
    film.dataset.twin = image.className.split(" ")[0];
    film.setAttribute("aria-label", image.alt);
    film.addEventListener("loadeddata", () => image.classList.add("as-film"));
    film.addEventListener("error", () => (film.remove(), cannotShow(image)));
    film.src = image.src;
    image.after(film);
  }
  const isPicture = ({ tagName, src }) => tagName === "IMG" && src;
  document.addEventListener("error", ({ target }) => isPicture(target) && tryAsFilm(target), true);
  document.addEventListener(
    "load",
    ({ target }) => {
      if (!isPicture(target) || !target.classList.contains("as-film")) return;
      filmOf(target)?.remove();
      target.classList.remove("as-film");
    },
    true,
  );

  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const show = (element, block) => element?.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block });

  return {
    follow,
    reveal: (id) => requestAnimationFrame(() => show(document.getElementById(id), "nearest")),
    forgetFiles: () => document.querySelectorAll("input[type=file][data-role]").forEach((i) => (i.value = "")),
    chooseStyle: () => {
      show(document.getElementById("part-style"), "start");
      document.querySelector(".gallery input[type=radio]:checked")?.focus({ preventScroll: true });
    },
  };
})();
globalThis.studio = studio;
