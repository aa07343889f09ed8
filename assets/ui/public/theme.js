// Sets the chosen theme before the first paint, so that a dark page never flashes white. Kept out of the page itself because the content policy allows no inline script.
(function () {
  var choice = "system";
  try {
    choice = localStorage.getItem("custard-theme") || "system";
  } catch {
    // Storage may be blocked; the system's theme is then used.
  }
  var dark =
    choice === "dark" ||
    (choice === "system" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
