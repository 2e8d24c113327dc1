// Show the value of the bar with the pointer or the focus below its chart. Arrow keys move between bars.
(() => {
  "use strict";
  const PLACES = ":scope > a, :scope > g";

  function placeOf(target) {
    const place = target.closest?.(".chm-figure svg > a, .chm-figure svg > g");
    return place || null;
  }

  function show(place) {
    const value = place.closest(".chm-figure").nextElementSibling;
    value.dataset.note ??= value.textContent;
    value.textContent = place.getAttribute("aria-label");
  }

  function leave(figure) {
    const value = figure.nextElementSibling;
    if (value.dataset.note !== undefined) value.textContent = value.dataset.note;
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
