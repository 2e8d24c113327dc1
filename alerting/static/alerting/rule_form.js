// Show threshold and window only for rules that count failures in a window. Without this script all fields are shown.
(() => {
  const rowOf = (name) => document.querySelector(`.field-${name}`);

  const showFields = (type, clearHidden) => {
    const countsFailures = type.value === "failures_in_window";
    for (const name of ["threshold", "window_minutes"]) {
      const input = document.getElementById(`id_${name}`);
      if (!countsFailures && clearHidden) input.value = "";
      // Never hide a field with a value or an error: the user would send the value without seeing it.
      rowOf(name).hidden = !countsFailures && input.value === "" && !rowOf(name).querySelector(".errorlist, .errors");
      input.required = countsFailures;
    }
  };

  // Fetch the preview of the unsaved form. Ignore the responses to earlier requests.
  let lastRequest = 0;
  const loadPreview = async (form, previewBox) => {
    const requestNumber = ++lastRequest;
    try {
      const response = await fetch(previewBox.dataset.preview, { method: "POST", body: new FormData(form) });
      const text = await response.text();
      if (requestNumber !== lastRequest || !response.ok || response.redirected) return;
      previewBox.innerHTML = text;
      document.dispatchEvent(new CustomEvent("chm:shown", { detail: previewBox }));
    } catch {
      if (requestNumber === lastRequest) previewBox.textContent = "The preview cannot be loaded at the moment.";
    }
  };

  const previewOnChange = (form, previewBox) => {
    let timer = 0;
    const schedulePreview = () => {
      clearTimeout(timer);
      timer = setTimeout(() => loadPreview(form, previewBox), 400);
    };
    for (const name of ["input", "change"]) form.addEventListener(name, schedulePreview);
    // The autocomplete fields of the admin report a change only by a jQuery event.
    window.django?.jQuery?.(form).on("change", schedulePreview);
    const hasScope = ["client", "pipeline"].some((name) => form.elements[name]?.value);
    // A new form can open with a scope from its URL. The server then shows a hint in place of the preview.
    if (hasScope && previewBox.querySelector(".chm-empty")) schedulePreview();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const type = document.getElementById("id_rule_type");
    if (!type) return;
    type.addEventListener("change", () => showFields(type, true));
    showFields(type, false);
    const previewBox = document.querySelector("[data-preview]");
    if (previewBox) previewOnChange(type.form, previewBox);
  });
})();
