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

  document.addEventListener("DOMContentLoaded", () => {
    const type = document.getElementById("id_rule_type");
    if (!type) return;
    type.addEventListener("change", () => arrange(type, true));
    arrange(type, false);
  });
})();
