/* What is wrong with the page that can be measured: a list of sentences. */
() => {
  const problems = [];
  const shown = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    element.getBoundingClientRect().width > 1;
  const name = (element) => `${element.tagName.toLowerCase()} "${element.textContent.trim().slice(0, 30)}"`;

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
      if (color[3] > 0) problems.push(`${name(at)} has a background that cannot be measured`);
    }
    return [255, 255, 255, 255];
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const demand = (least, color, element, what) => {
    const ratio = contrast(rgba(color), background(element));
    if (ratio < least) problems.push(`${what} of ${name(element)} has contrast ${ratio.toFixed(2)}`);
  };

  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !shown(element)) continue;
    demand(4.5, getComputedStyle(element).color, element, "the text");
  }

  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) problems.push(`two elements are #${id}`);
  for (const element of document.querySelectorAll("[aria-describedby], [aria-labelledby], label[for]")) {
    for (const attribute of ["aria-describedby", "aria-labelledby", "for"]) {
      for (const id of (element.getAttribute(attribute) ?? "").split(" ").filter(Boolean)) {
        if (!ids.includes(id)) problems.push(`${name(element)} refers to #${id}, which is not there`);
      }
    }
  }

  for (const field of document.querySelectorAll("main :is(input:not([type=hidden]), select)")) {
    if (!field.labels.length) problems.push(`${field.name} has no label`);
    if (shown(field) && field.type !== "radio") demand(3, getComputedStyle(field).borderTopColor, field, "the border");
  }

  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) problems.push("there is not exactly one h1");
  levels.forEach((level, at) => {
    if (level > (levels[at - 1] ?? 0) + 1) problems.push(`a heading skips to h${level}`);
  });
  if (document.querySelectorAll("main").length !== 1) problems.push("there is not exactly one main");
  if (!document.documentElement.lang) problems.push("the page has no language");

  if (document.documentElement.scrollWidth > innerWidth) problems.push("the page scrolls sideways");
  if (innerWidth < 640) {
    const targets = "main :is(a:not(p a), button, input:not([type=radio]), select, summary, label:has([type=radio]))";
    for (const target of document.querySelectorAll(targets)) {
      const { height } = target.getBoundingClientRect();
      if (shown(target) && height < 44) problems.push(`${name(target)} is only ${height}px high`);
    }
  }
  return [...new Set(problems)];
}
