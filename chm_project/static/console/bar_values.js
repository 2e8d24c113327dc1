// The value under the pointer or the focus, below its chart; arrow keys go from one bar to the next.
(() => {
  "use strict";
  const PLACES = ":scope > a, :scope > g";


  function placeOf(target) {
    const place = target.closest?.(".chm-figure svg > a, .chm-figure svg > g");
    return place || null;
  }

  function show(place) {
    const said = place.closest(".chm-figure").nextElementSibling;
    said.dataset.note ??= said.textContent;
    said.textContent = place.getAttribute("aria-label");
  }

  function leave(figure) {
    const said = figure.nextElementSibling;
    if (said.dataset.note !== undefined) said.textContent = said.dataset.note;
  }

  for (const name of ["mouseover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const place = placeOf(event.target);
      if (place) show(place);
    });
  }
  for (const name of ["mouseout", "focusout"]) {
    document.addEventListener(name, (event) => {
      const figure = event.target.closest?.(".chm-figure");
      if (figure && !figure.contains(event.relatedTarget)) leave(figure);
    });
  }

  document.addEventListener("keydown", (event) => {
    const place = placeOf(event.target);
    if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
    const places = [...place.parentElement.querySelectorAll(PLACES)];
    const at = places.indexOf(place);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: places.length - 1 }[event.key];
    if (next === undefined || !places[next]) return;
    event.preventDefault();
    place.setAttribute("tabindex", "-1");
    places[next].setAttribute("tabindex", "0");
    places[next].focus();
  });
})();
