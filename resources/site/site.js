/* Small comforts of the site's pages: everything works without this file. */

const menus = document.querySelectorAll("details.menu");

document.addEventListener("click", (event) => {
  for (const menu of menus) if (menu.open && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  for (const menu of menus) {
    if (event.key !== "Escape" || !menu.open) continue;
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

/* A browser does not tell whether an app took the link. When the window keeps the focus, none has, most likely. */
const missing = document.querySelector("[data-missing]");
for (const link of document.querySelectorAll("[data-opens-app]")) {
  link.addEventListener("click", () => {
    let left = false;
    const onLeave = () => { left = true; };
    window.addEventListener("blur", onLeave, { once: true });
    setTimeout(() => {
      window.removeEventListener("blur", onLeave);
      if (!left && missing) {
        missing.classList.add("likely");
        missing.setAttribute("role", "status");
      }
    }, 1500);
  });
}

/* Who types a password for somebody else may look at it. */
for (const tick of document.querySelectorAll("[data-shows]")) {
  const box = document.getElementById(tick.dataset.shows);
  tick.closest("label").hidden = false;
  tick.checked = false;
  tick.addEventListener("change", () => { box.type = tick.checked ? "text" : "password"; });
  box.form.addEventListener("submit", () => { box.type = "password"; });
}
