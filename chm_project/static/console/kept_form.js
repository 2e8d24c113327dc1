// A login in another tab changes the CSRF cookie, so write its new value into the form before the form is sent.
document.getElementById("kept-form").addEventListener("submit", (event) => {
  const cookie = document.cookie.split("; ").find((text) => text.startsWith("csrftoken="));
  if (cookie) event.target.elements.csrfmiddlewaretoken.value = cookie.slice("csrftoken=".length);
});
