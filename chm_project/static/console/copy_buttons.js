// Buttons that copy the text of an element. If the browser does not allow that, the text is selected, so that users can copy it with the keyboard.
(() => {
  "use strict";
  function start() {
    for (const button of document.querySelectorAll("button[data-copies-text]")) {
      const source = document.getElementById(button.dataset.copiesText);
      const label = button.textContent;
      button.hidden = !source;
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(source.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(source);
          button.textContent = "Selected: press Ctrl+C";
        }
        setTimeout(() => { button.textContent = label; }, 3000);
      });
    }
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
