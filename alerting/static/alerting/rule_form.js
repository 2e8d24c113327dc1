// Shows threshold and window only for rules that count failures in a window. Without this script all fields show.
(() => {
  const rowOf = (name) => document.querySelector(`.field-${name}`);

  const arrange = (type, emptied) => {
    const counted = type.value === "failures_in_window";
    for (const name of ["threshold", "window_minutes"]) {
      const input = document.getElementById(`id_${name}`);
      if (!counted && emptied) input.value = "";
      // What has a value or an error is never hidden: it would be sent without being seen.
      rowOf(name).hidden = !counted && input.value === "" && !rowOf(name).querySelector(".errorlist, .errors");
      input.required = counted;
    }
  };

  // The form as it stands, judged by the server; only the answer to the last change is shown.
  let asked = 0;
  const preview = async (form, place) => {
    const number = ++asked;
    try {
      const answer = await fetch(place.dataset.preview, { method: "POST", body: new FormData(form) });
      const text = await answer.text();
      if (number !== asked || !answer.ok || answer.redirected) return;
      place.innerHTML = text;
      document.dispatchEvent(new CustomEvent("chm:shown", { detail: place }));
    } catch {
      if (number === asked) place.textContent = "The preview cannot be read at the moment.";
    }
  };

  const previews = (form, place) => {
    let wait = 0;
    const soon = () => {
      clearTimeout(wait);
      wait = setTimeout(() => preview(form, place), 400);
    };
    for (const name of ["input", "change"]) form.addEventListener(name, soon);
    // The admin's autocompletes say what they hold by an event of jQuery's alone.
    window.django?.jQuery?.(form).on("change", soon);
    const given = ["client", "pipeline"].some((name) => form.elements[name]?.value);
    if (given && place.querySelector(".chm-calm")) soon();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const type = document.getElementById("id_rule_type");
    if (!type) return;
    type.addEventListener("change", () => arrange(type, true));
    arrange(type, false);
    const place = document.querySelector("[data-preview]");
    if (place) previews(type.form, place);
  });
})();
