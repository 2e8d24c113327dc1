// Show times in the browser's zone, hide the filters on a phone, refresh the page. Without this script the pages show times in UTC.
(() => {
  "use strict";
  // Write dates in the same form for every language of the browser.
  const LOCALE = "en-GB";
  const WITHOUT_YEAR = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  const WITH_YEAR = { year: "numeric", ...WITHOUT_YEAR };

  // The browser stores whether the user wants times in UTC ("utc") or in the browser's zone ("local").
  const ZONE_KEY = "chm-zone";
  function isUtcStored() {
    try {
      return localStorage.getItem(ZONE_KEY) === "utc";
    } catch {
      return false;
    }
  }
  function storeZone() {
    try {
      localStorage.setItem(ZONE_KEY, isUtc ? "utc" : "local");
    } catch {
      // If the browser has no storage, the choice is valid for this page only.
    }
  }
  let isUtc = isUtcStored();

  function zoneName(timeZone) {
    const parts = new Intl.DateTimeFormat(LOCALE, { timeZone, timeZoneName: "short" }).formatToParts(new Date());
    return parts.find((part) => part.type === "timeZoneName").value;
  }

  function writeTime(time) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    // Dates below a chart must be short, so they never contain the year.
    const withoutYear = time.closest(".chm-x") || moment.getFullYear() === new Date().getFullYear();
    const dateFormat = withoutYear ? WITHOUT_YEAR : WITH_YEAR;
    const zoneFormat = time.closest(".chm-as-of") ? { timeZoneName: "short" } : {};
    const timeZone = isUtc ? "UTC" : undefined;
    time.textContent = new Intl.DateTimeFormat(LOCALE, { ...dateFormat, ...zoneFormat, timeZone }).format(moment);
  }

  // Write all times below `root` in the chosen zone, and the name of the other zone on the buttons that change the zone.
  function writeTimes(root) {
    root.querySelectorAll("time[datetime]").forEach(writeTime);
    for (const button of root.querySelectorAll("[data-zone-switch]")) {
      button.hidden = !isUtc && zoneName(undefined) === zoneName("UTC");
      button.textContent = `switch to ${isUtc ? zoneName(undefined) : "UTC"}`;
    }
    for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = isUtc ? "UTC" : browserZone();
  }

  function switchZone() {
    isUtc = !isUtc;
    storeZone();
    writeTimes(document);
  }

  // Pages of Django's admin contain times as plain text in UTC, such as "2026-11-21 10:00 UTC".
  const UTC_TEXT = /^\s*(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC\s*$/;
  function replaceUtcTexts() {
    const content = document.getElementById("content");
    if (!content) return;
    const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
      if (UTC_TEXT.test(walker.currentNode.data) && !walker.currentNode.parentElement.closest(".chm, textarea, pre")) {
        texts.push(walker.currentNode);
      }
    }
    for (const text of texts) {
      const [, day, timeOfDay] = text.data.match(UTC_TEXT);
      const time = document.createElement("time");
      time.dateTime = `${day}T${timeOfDay}Z`;
      time.title = text.data.trim();
      writeTime(time);
      text.replaceWith(time);
    }
  }

  // Apply filters only with Enter or the button, because an arrow key in a select already changes its value.
  function prepareFilters(root) {
    for (const form of root.querySelectorAll("form[data-filters]")) {
      const showCustomTime = () => {
        const isCustom = Array.from(form.querySelectorAll("select"), (select) => select.value).includes("custom");
        form.classList.toggle("chm-custom-time", isCustom);
        if (form.elements.since_time) form.elements.since_time.required = isCustom;
      };
      form.addEventListener("change", showCustomTime);
      showCustomTime();
      form.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && event.target.matches("select")) {
          event.preventDefault();
          form.requestSubmit();
        }
      });
      // Send only the filters that are set, with times in the browser's zone.
      form.addEventListener("submit", () => {
        const zone = form.querySelector("[data-browser-zone]");
        const hasTime = ["period", "since", "since_time", "until", "as_of"].some((name) => form.elements[name]?.value);
        if (zone) zone.value = hasTime ? browserZone() : "";
        filterFocus.keep(document.activeElement);
        for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
      });
      addFoldButton(form);
    }
  }

  const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

  // The handover starts at 18:00 in the browser's zone, so links to it contain the zone.
  function addZoneToLinks(root) {
    for (const link of root.querySelectorAll("a[href$='/console/handover/']")) {
      const url = new URL(link.href);
      url.searchParams.set("zone", browserZone());
      link.href = url;
    }
  }

  // The server fills these time fields in UTC. Show and send the time in the browser's zone.
  function showUtcFieldsInBrowserZone(root) {
    for (const field of root.querySelectorAll("input[data-utc-time]")) {
      const moment = new Date(`${field.value}Z`);
      if (field.value) field.value = new Date(moment - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
      field.form.elements.zone.value = browserZone();
      field.closest("label").querySelector("[data-utc-only]").hidden = true;
    }
  }

  // After filters are applied, focus the same field in the new page.
  const filterFocus = {
    keep(element) {
      try {
        sessionStorage.setItem("chm-focus", element?.name || "");
      } catch {
        // Without storage the focus stays at the top of the page.
      }
    },
    restore() {
      try {
        const name = sessionStorage.getItem("chm-focus");
        sessionStorage.removeItem("chm-focus");
        const form = document.querySelector("form[data-filters]");
        if (name !== null && form) (form.elements[name] || form.querySelector("[type=submit]")).focus({ preventScroll: true });
      } catch {
        // Without storage the focus stays at the top of the page.
      }
    },
  };

  // On a phone, hide the filters behind a button. The search field stays visible.
  function addFoldButton(form) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chm-button chm-fold";
    const show = (isOpen) => {
      form.classList.toggle("chm-folded", !isOpen);
      button.setAttribute("aria-expanded", String(isOpen));
      button.textContent = isOpen ? "Fewer filters" : "Filters";
    };
    button.addEventListener("click", () => show(form.classList.contains("chm-folded")));
    show(false);
    form.append(button);
  }

  // After going back in the browser, enable the fields that were disabled to keep the URL short.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-filters] :disabled").forEach((field) => { field.disabled = false; });
  });

  function showStatus(text) {
    const statusLine = document.querySelector(".chm-status-line");
    if (statusLine) statusLine.textContent = text;
  }

  let pausedByUser = false;
  function isChanged(field) {
    if (!field.matches("select")) return field.value !== field.defaultValue;
    const initial = Array.from(field.options).findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(0, initial);
  }
  // Refreshing is paused while a filter is changed, text is selected, or after the user pressed Pause.
  function isPaused(page) {
    const changed = Array.from(page.querySelectorAll("form[data-filters] :is(input, select)")).some(isChanged);
    return pausedByUser || changed || String(getSelection()).trim() !== "";
  }

  function showPaused(isPausedNow) {
    for (const button of document.querySelectorAll("[data-pause]")) {
      button.hidden = false;
      button.textContent = isPausedNow ? "Paused – resume" : "Pause";
      button.classList.toggle("chm-paused", isPausedNow);
    }
  }

  function pauseOrResume(button) {
    if (button.classList.contains("chm-paused")) {
      pausedByUser = false;
      getSelection().removeAllRanges();
      refresh();
    } else {
      pausedByUser = true;
      showPaused(true);
    }
  }

  // Return a key that finds the same element in the refreshed page.
  function keyOf(element) {
    const containerId = element.closest("[id]")?.id ?? "";
    const label = element.id || element.name || element.getAttribute("href") || element.getAttribute("aria-label") || element.textContent.trim();
    return `${containerId} ${element.tagName} ${label}`;
  }
  // Return a function for the new part of the page: it restores the open details, the scroll positions and the focus.
  function rememberState(page) {
    const openDetails = Array.from(page.querySelectorAll("details[open] > summary"), keyOf);
    const scrollPositions = new Map();
    for (const box of page.querySelectorAll(".chm-scroll")) {
      if (box.scrollTop || box.scrollLeft) scrollPositions.set(keyOf(box), [box.scrollTop, box.scrollLeft]);
    }
    const focusedKey = page.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    const completeLists = Array.from(page.querySelectorAll(".chm-all"), keyOf);
    const [x, y] = [scrollX, scrollY];
    return (newPart) => {
      for (const summary of newPart.querySelectorAll("details > summary")) {
        if (openDetails.includes(keyOf(summary))) summary.parentElement.open = true;
      }
      for (const box of newPart.querySelectorAll(".chm-scroll")) {
        const [top, left] = scrollPositions.get(keyOf(box)) ?? [0, 0];
        box.scrollTop = top;
        box.scrollLeft = left;
        if (completeLists.includes(keyOf(box))) box.classList.add("chm-all");
      }
      const toFocus = focusedKey && Array.from(newPart.querySelectorAll("a, button, summary, input, select, [tabindex]")).find((element) => keyOf(element) === focusedKey);
      if (toFocus) toFocus.focus({ preventScroll: true });
      scrollTo(x, y);
    };
  }

  // A page with a shorter interval waits for an ingestion or for the first runs, and has no button Pause.
  const MIN_PAUSABLE_INTERVAL_SECONDS = 30;
  // The server's digest of what the page shows now; see chm_project/console/refresh.py.
  let shownDigest = "nothing";
  let timer;

  async function refresh() {
    clearTimeout(timer);
    const page = document.querySelector(".chm[data-refresh]");
    if (!page) return;
    const seconds = Number(page.dataset.refresh);
    const canPause = seconds >= MIN_PAUSABLE_INTERVAL_SECONDS;
    if (document.hidden) return scheduleRefresh(page);
    if (canPause) showPaused(isPaused(page));
    if (canPause && isPaused(page)) return scheduleRefresh(page);
    try {
      const headers = { Accept: "text/html", "CHM-Refresh": shownDigest };
      const response = await fetch(location.href, { headers, cache: "no-store" });
      const text = await response.text();
      if (!response.ok || response.redirected) throw new Error("no page");
      const received = new DOMParser().parseFromString(text, "text/html");
      const digest = response.headers.get("CHM-Refresh");
      const restore = rememberState(page);
      if (digest && digest === shownDigest) {
        const asOf = received.querySelector(".chm-as-of");
        if (asOf) page.querySelector(".chm-as-of").replaceWith(asOf);
        writeTimes(page);
        restore(page);
      } else {
        const newPart = received.getElementById(page.id);
        if (!newPart) throw new Error("no page");
        if (canPause && isPaused(page)) {
          showPaused(true);
          return scheduleRefresh(page);
        }
        page.replaceWith(newPart);
        shownDigest = digest || "nothing";
        prepare(newPart);
        restore(newPart);
      }
      if (canPause) showPaused(false);
      scheduleRefresh(document.querySelector(".chm[data-refresh]"));
    } catch {
      showStatus("Not refreshed: the server does not answer, or your session has ended. Reload the page.");
      scheduleRefresh(page);
    }
  }

  function scheduleRefresh(page) {
    clearTimeout(timer);
    if (page?.dataset.refresh) timer = setTimeout(refresh, Number(page.dataset.refresh) * 1000);
  }

  // On a phone, show only the first rows of a long list, and a button that shows the others. console.css hides the rows.
  const ROWS_ON_PHONE = 25;
  function shortenLists(root) {
    for (const table of root.querySelectorAll("table.chm-runs")) {
      const rowCount = table.tBodies[0].rows.length;
      if (rowCount <= ROWS_ON_PHONE) continue;
      const box = table.closest(".chm-scroll");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "chm-button chm-phone";
      button.textContent = `Show all ${rowCount}`;
      button.addEventListener("click", () => box.classList.add("chm-all"));
      box.classList.add("chm-short");
      box.append(button);
    }
  }

  // Give each cell its column's name as a label, because the layout for phones has no header row.
  function labelCells(root) {
    for (const table of root.querySelectorAll("table.chm-table")) {
      const names = Array.from(table.querySelectorAll("thead th"), (cell) => cell.textContent);
      for (const row of table.tBodies[0].rows) {
        Array.from(row.cells).forEach((cell, index) => {
          if (!cell.matches(".chm-who") && !cell.querySelector("svg")) cell.dataset.label = names[index];
        });
      }
    }
  }

  // Prepare the buttons that copy the text of a field or print the page. If the browser refuses to copy, select the text, so that
  // users can copy it with the keyboard.
  function prepareButtons(root) {
    for (const button of root.querySelectorAll("button[data-copies-field]")) {
      const source = document.getElementById(button.dataset.copiesField);
      button.hidden = false;
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(source.value);
          showStatus("Copied.");
        } catch {
          source.closest("details").open = true;
          source.select();
          showStatus("Press Ctrl+C to copy what is selected.");
        }
      });
    }
    for (const button of root.querySelectorAll("button[data-prints]")) {
      button.hidden = false;
      button.addEventListener("click", () => print());
    }
  }

  // rule_form.js sends chm:shown after it has added a preview. Show the times of the preview in the chosen zone.
  document.addEventListener("chm:shown", (event) => writeTimes(event.detail));

  function prepare(root) {
    prepareButtons(root);
    writeTimes(root);
    labelCells(root);
    prepareFilters(root);
    addZoneToLinks(root);
    showUtcFieldsInBrowserZone(root);
    shortenLists(root);
  }

  // Name the admin's autocompletes for screen readers.
  function nameAutocompletes() {
    for (const field of document.querySelectorAll("select.admin-autocomplete")) {
      const label = document.querySelector(`label[for="${field.id}"]`);
      const visibleField = document.getElementById(`select2-${field.id}-container`);
      if (label && visibleField) visibleField.setAttribute("aria-label", label.textContent.trim());
      // A field for several values contains its search field. In a table of forms, the search field has no label.
      const search = field.parentElement.querySelector(".select2-search__field");
      const name = label?.textContent.trim() || field.closest("[data-label]")?.dataset.label || "Search";
      if (search) search.setAttribute("aria-label", name);
    }
  }

  // Give each field of a table of forms (an inline of the admin) the name of its column, also in the empty row that
  // Django copies for a new row.
  function nameRowFields() {
    for (const field of document.querySelectorAll("td[data-label] :is(input, select, textarea):not([type=hidden])")) {
      if (!field.labels?.length) field.setAttribute("aria-label", field.closest("td").dataset.label);
    }
  }

  // Hide icons from screen readers, because an icon is a word that its font draws as a picture.
  function hideIcons() {
    for (const icon of document.querySelectorAll(".material-symbols-outlined")) icon.setAttribute("aria-hidden", "true");
  }

  function start() {
    hideIcons();
    nameRowFields();
    // jQuery calls this after the admin's own script, which creates the autocompletes.
    window.django?.jQuery?.(nameAutocompletes);
    prepare(document);
    replaceUtcTexts();
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-zone-switch]")) switchZone();
      const pauseButton = event.target.closest("[data-pause]");
      if (pauseButton) pauseOrResume(pauseButton);
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) refresh();
    });
    filterFocus.restore();
    const page = document.querySelector(".chm[data-refresh]");
    if (page && Number(page.dataset.refresh) >= MIN_PAUSABLE_INTERVAL_SECONDS) showPaused(false);
    if (page) scheduleRefresh(page);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
