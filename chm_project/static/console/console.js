// Times in the browser's zone, filters that apply at once, and a quiet refresh. Without it the pages say the same in UTC.
(() => {
  "use strict";
  const sameYear = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  const otherYear = { year: "numeric", ...sameYear };

  function tell(time) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const form = moment.getFullYear() === new Date().getFullYear() ? sameYear : otherYear;
    time.textContent = new Intl.DateTimeFormat(undefined, form).format(moment);
  }

  function localTimes(root) {
    root.querySelectorAll("time[datetime]").forEach(tell);
  }

  // The admin's own pages write moments as plain text in UTC.
  const plain = /^\s*(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC\s*$/;
  function plainTimes() {
    const content = document.getElementById("content");
    if (!content) return;
    const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      if (plain.test(walker.currentNode.data) && !walker.currentNode.parentElement.closest(".chm, textarea, pre")) {
        found.push(walker.currentNode);
      }
    }
    for (const text of found) {
      const [, day, clock] = text.data.match(plain);
      const time = document.createElement("time");
      time.dateTime = `${day}T${clock}Z`;
      time.title = text.data.trim();
      tell(time);
      text.replaceWith(time);
    }
  }

  function filters(root) {
    for (const form of root.querySelectorAll("form[data-submits-itself]")) {
      // A time is complete only when it is sent; so is the choice of another one.
      form.addEventListener("change", (event) => {
        if (event.target.matches("select") && event.target.value !== "custom") form.requestSubmit();
      });
      // An address that says only what is filtered by, with times in the browser's zone.
      form.addEventListener("submit", () => {
        const zone = form.querySelector("[data-browser-zone]");
        const told = ["since", "since_time", "as_of"].some((name) => form.elements[name]?.value);
        if (zone) zone.value = told ? Intl.DateTimeFormat().resolvedOptions().timeZone || "" : "";
        for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
      });
    }
  }

  function say(text) {
    const place = document.querySelector(".chm-quiet");
    if (place) place.textContent = text;
  }

  // Somebody who reads or types here is not disturbed; the next round will do.
  function busy(page) {
    return document.hidden || page.contains(document.activeElement) || page.querySelector("details[open]")
      || String(getSelection()).trim() !== "";
  }

  // What the page shows now, by the server's digest; see chm_project/console/refresh.py.
  let shown = "nothing";

  async function refresh() {
    const page = document.querySelector(".chm[data-refresh]");
    if (!page) return;
    const seconds = Number(page.dataset.refresh);
    if (seconds >= 30 && busy(page)) return again(page);
    try {
      const headers = { Accept: "text/html", "CHM-Refresh": shown };
      const answer = await fetch(location.href, { headers, cache: "no-store" });
      const text = await answer.text();
      if (!answer.ok || answer.redirected) throw new Error("no page");
      const received = new DOMParser().parseFromString(text, "text/html");
      const digest = answer.headers.get("CHM-Refresh");
      if (digest && digest === shown) {
        const asOf = received.querySelector(".chm-as-of");
        if (asOf) page.querySelector(".chm-as-of").replaceWith(asOf);
        localTimes(page);
        return again(page);
      }
      const fresh = received.getElementById(page.id);
      if (!fresh) throw new Error("no page");
      if (seconds >= 30 && busy(page)) return again(page);
      page.replaceWith(fresh);
      shown = digest || "nothing";
      prepare(fresh.parentElement);
      again(fresh);
    } catch {
      say("Not refreshed: the server does not answer, or your session has ended. Reload the page.");
      again(page);
    }
  }

  function again(page) {
    if (page.dataset.refresh) setTimeout(refresh, Number(page.dataset.refresh) * 1000);
  }

  // What a cell is about, for the narrow layout, which has no header row.
  function labels(root) {
    for (const table of root.querySelectorAll("table.chm-table")) {
      const names = Array.from(table.querySelectorAll("thead th"), (cell) => cell.textContent);
      for (const row of table.tBodies[0].rows) {
        Array.from(row.cells).forEach((cell, place) => {
          if (!cell.matches(".chm-who") && !cell.querySelector("svg")) cell.dataset.label = names[place];
        });
      }
    }
  }

  // A text that the page holds, to paste elsewhere; where the browser refuses, it is selected to be copied by hand.
  function copies(root) {
    for (const button of root.querySelectorAll("button[data-copies]")) {
      const source = document.getElementById(button.dataset.copies);
      button.hidden = false;
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(source.value);
          say("Copied.");
        } catch {
          source.closest("details").open = true;
          source.select();
          say("Press Ctrl+C to copy what is selected.");
        }
      });
    }
    for (const button of root.querySelectorAll("button[data-prints]")) {
      button.hidden = false;
      button.addEventListener("click", () => print());
    }
  }

  // What another script has put onto the page.
  document.addEventListener("chm:shown", (event) => localTimes(event.detail));

  function prepare(root) {
    copies(root);
    localTimes(root);
    labels(root);
    filters(root);
  }

  // The admin's autocompletes come without a name for whoever does not see the label beside them.
  function nameAutocompletes() {
    for (const field of document.querySelectorAll("select.admin-autocomplete")) {
      const label = document.querySelector(`label[for="${field.id}"]`);
      const shown = document.getElementById(`select2-${field.id}-container`);
      if (label && shown) shown.setAttribute("aria-label", label.textContent.trim());
    }
  }

  // A table of forms names its columns, not its fields; the row that new ones are copied from is among them.
  function nameRowFields() {
    for (const field of document.querySelectorAll("td[data-label] :is(input, select, textarea):not([type=hidden])")) {
      if (!field.labels?.length) field.setAttribute("aria-label", field.closest("td").dataset.label);
    }
  }

  function start() {
    nameRowFields();
    // Behind the admin's own start, which makes them.
    window.django?.jQuery?.(nameAutocompletes);
    prepare(document);
    plainTimes();
    const page = document.querySelector(".chm[data-refresh]");
    if (page) again(page);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
