// Fetches the figures again every few seconds, and stops while somebody marks or operates something on the page.
(() => {
  const every_s = Number(document.currentScript.dataset.every);
  setInterval(async () => {
    const main = document.getElementById("content");
    if (document.hidden || main.contains(document.activeElement) || !getSelection().isCollapsed) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
    main.replaceChildren(...fresh.childNodes);
  }, 1000 * every_s);
})();
