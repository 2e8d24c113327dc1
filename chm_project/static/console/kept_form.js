// A login changes the CSRF cookie, so the form gets the cookie's value when it is sent.
document.getElementById("kept-form").addEventListener("submit", (event) => {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  if (cookie) event.target.elements.csrfmiddlewaretoken.value = cookie.slice("csrftoken=".length);
});
