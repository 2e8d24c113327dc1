// Show threshold and window only for rules that count failures in a window. Without this script all fields are shown.
(() => {
  const rowOf = (name) => document.querySelector(`.field-${name}`);

  const showFields = (type, emptied) => {
    const counted = type.value === "failures_in_window";
    for (const name of ["threshold", "window_minutes"]) {
      const input = document.getElementById(`id_${name}`);
      if (!counted && emptied) input.value = "";
      // Never hide a field with a value or an error, because it would be sent unseen.
      rowOf(name).hidden = !counted && input.value === "" && !rowOf(name).querySelector(".errorlist, .errors");
      input.required = counted;
    }
  };

  // Fetch the preview of the unsaved form; show only the response to the last change.
  let lastRequest = 0;
  const preview = async (form, place) => {
    const number = ++lastRequest;
    try {
      const answer = await fetch(place.dataset.preview, { method: "POST", body: new FormData(form) });
      const text = await answer.text();
      if (number !== lastRequest || !answer.ok || answer.redirected) return;
      place.innerHTML = text;
      document.dispatchEvent(new CustomEvent("chm:shown", { detail: place }));
    } catch {
      if (number === lastRequest) place.textContent = "The preview cannot be loaded at the moment.";
    }
  };

  const previewOnChange = (form, place) => {
    let wait = 0;
    const schedulePreview = () => {
      clearTimeout(wait);
      wait = setTimeout(() => preview(form, place), 400);
    };
    for (const name of ["input", "change"]) form.addEventListener(name, schedulePreview);
    // The admin's autocompletes report a change only by a jQuery event.
    window.django?.jQuery?.(form).on("change", schedulePreview);
    const hasScope = ["client", "pipeline"].some((name) => form.elements[name]?.value);
    if (hasScope && place.querySelector(".chm-empty")) schedulePreview();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const type = document.getElementById("id_rule_type");
    if (!type) return;
    type.addEventListener("change", () => showFields(type, true));
    showFields(type, false);
    const place = document.querySelector("[data-preview]");
    if (place) previewOnChange(type.form, place);
  });
})();
