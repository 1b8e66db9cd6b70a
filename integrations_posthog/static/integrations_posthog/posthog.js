"use strict";
/* What htmx leaves to the page: words while a request runs, and words when it fails. */
(() => {
  const PANEL = "posthog-connection";
  const progress = document.getElementById("posthog-progress");
  const failure = document.getElementById("posthog-failure");
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

  on("afterRequest", () => {
    progress.textContent = "";
    setBusy(false);
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
})();
