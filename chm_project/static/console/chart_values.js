// Below a chart, show the value of the bar or point that has the pointer or the focus. Arrow keys move the focus.
(() => {
  "use strict";
  const BARS = ":scope > a, :scope > g";

  function barOf(target) {
    const bar = target.closest?.(".chm-figure svg > a, .chm-figure svg > g");
    return bar || null;
  }

  function showLabel(bar) {
    const valueLine = bar.closest(".chm-figure").nextElementSibling;
    valueLine.dataset.note ??= valueLine.textContent;
    valueLine.textContent = bar.getAttribute("aria-label");
  }

  function showNote(figure) {
    const valueLine = figure.nextElementSibling;
    if (valueLine.dataset.note !== undefined) valueLine.textContent = valueLine.dataset.note;
  }

  for (const name of ["mouseover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const bar = barOf(event.target);
      if (bar) showLabel(bar);
    });
  }
  for (const name of ["mouseout", "focusout"]) {
    document.addEventListener(name, (event) => {
      const figure = event.target.closest?.(".chm-figure");
      if (figure && !figure.contains(event.relatedTarget)) showNote(figure);
    });
  }

  document.addEventListener("keydown", (event) => {
    const bar = barOf(event.target);
    if (!bar || event.ctrlKey || event.metaKey || event.altKey) return;
    const bars = [...bar.parentElement.querySelectorAll(BARS)];
    const index = bars.indexOf(bar);
    const next = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: bars.length - 1 }[event.key];
    if (next === undefined || !bars[next]) return;
    event.preventDefault();
    bar.setAttribute("tabindex", "-1");
    bars[next].setAttribute("tabindex", "0");
    bars[next].focus();
  });
})();
