"use strict";
/* What htmx leaves to the pages: words while a request runs, and words when it fails. */
(() => {
  const PANEL = document.querySelector("[data-panel]").id;
  const progress = document.getElementById("posthog-progress");
  const failure = document.getElementById("posthog-failure");
  const announcement = document.getElementById("posthog-announcement");
  const setBusy = (busy) => document.getElementById(PANEL).setAttribute("aria-busy", busy);

  const fail = (text) => {
    failure.textContent = text;
    failure.hidden = false;
    failure.focus();
  };

  const on = (name, handle) =>
    document.addEventListener(`htmx:${name}`, ({ target, detail }) => {
      if (detail.target?.id === PANEL) handle(detail, target);
    });

  on("beforeRequest", (detail, form) => {
    failure.hidden = true;
    progress.textContent = form.dataset.progress ?? "";
    setBusy(true);
  });

  on("afterRequest", ({ elt, pathInfo, successful }) => {
    progress.textContent = "";
    setBusy(false);
    /* So that reloading, and coming back, shows what is shown now. */
    if (successful && elt.matches("[data-keep-address]")) history.replaceState(null, "", pathInfo.finalRequestPath);
  });

  on("beforeSwap", (detail) => {
    const isOurs = detail.xhr.status >= 500;
    /* Error pages, such as that of an outdated CSRF token, have no panel to swap in. */
    if (!isOurs && detail.xhr.responseText.includes(`id="${PANEL}"`)) return;
    detail.shouldSwap = false;
    detail.isError = false;
    fail(
      isOurs
        ? "Something went wrong on our side. Try again in a minute."
        : "This page is out of date. Reload it, then try again.",
    );
  });

  on("sendError", () => fail("The server cannot be reached. Check your connection, then try again."));
  on("timeout", () => fail("The server did not answer in time. Reload the page to see how it ended."));

  /* What is polled says nothing when it fails: it is tried again. */
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { target, xhr } = detail;
    if (target.id === "posthog-live" && !xhr.responseText.includes('id="posthog-live"')) detail.shouldSwap = false;
  });

  /* A polled state is told once, when it changes. */
  if (announcement) {
    const state = () => document.querySelector("[data-state]");
    let told = state()?.dataset.state;
    document.addEventListener("htmx:afterSettle", () => {
      if (!state() || state().dataset.state === told) return;
      told = state().dataset.state;
      announcement.textContent = state().querySelector("h2").textContent;
    });
  }
})();
