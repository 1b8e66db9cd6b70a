"use strict";
/* The charts of an account's usage: one for each [data-series], all over the same days. */
(() => {
  const area = document.querySelector("[data-chart]");
  const data = JSON.parse(document.getElementById(area.dataset.chart).textContent);
  const days = data.days.map((day) => Date.parse(day) / 1000); /* midnight in UTC, shown as such */
  const names = { events: "Events", people: "People", people_7d: "People, 7 days" };
  const cursor = { sync: { key: "posthog-account" }, points: { size: 7 }, drag: { x: false, y: false } };
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const tick = (date) => `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
  const day = (date) => `${tick(date)} ${date.getUTCFullYear()}`;
  const compact = new Intl.NumberFormat("en", { notation: "compact" });
  const whole = new Intl.NumberFormat("en");

  const colour = (name) => {
    const probe = area.appendChild(document.createElement("span"));
    probe.className = `ph-chart-${name}`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };

  const series = (name) => {
    const stroke = colour(name);
    const look = name === "events" ? { fill: stroke, paths: uPlot.paths.bars({ size: [0.7, 24], radius: 0.2 }), width: 0 } : { width: 2 };
    return { label: names[name], stroke, points: { show: false }, value: (_, count) => (count == null ? "–" : whole.format(count)), ...look };
  };

  /* Days with a signal: dashed lines, and words for the day that is pointed at. */
  const signals = data.signals ?? [];
  const note = area.querySelector("[data-marker-note]");
  const told = note?.textContent;
  const mark = ({ ctx, bbox, valToPos }) => {
    ctx.save();
    for (const { day: on, risk } of signals) {
      const at = Date.parse(on) / 1000;
      if (at < days[0] || at > days.at(-1)) continue;
      const x = Math.round(valToPos(at, "x", true));
      ctx.strokeStyle = ctx.fillStyle = colour(risk ? "risk" : "signal");
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(x, bbox.top + 4 * devicePixelRatio, 4 * devicePixelRatio, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  };
  const tell = ({ cursor: { idx } }) => {
    if (!note) return;
    const on = idx == null ? undefined : data.days[idx];
    note.textContent = signals.filter((signal) => signal.day === on).map((signal) => signal.text).join("; ") || told;
  };

  const draw = (box) => {
    const shown = box.dataset.series.split(" ");
    const axis = { stroke: colour("axis"), font: "12px system-ui, sans-serif", ticks: { show: false } };
    const options = {
      width: box.clientWidth,
      height: 180,
      cursor,
      /* Where nobody points at a day, the last one is told. */
      hooks: { draw: [mark], setCursor: [tell], setLegend: [(chart) => chart.legend.idx == null && chart.setLegend({ idx: days.length - 1 })] },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { x: { range: (_, first, last) => [first - 43200, last + 43200] }, y: { range: (_, low, high) => [0, Math.max(high * 1.08, 4)] } },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 30, values: (_, splits) => splits.map((at) => tick(new Date(at * 1000))) },
        { ...axis, grid: { stroke: colour("grid"), width: 1 }, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8], values: (_, splits) => splits.map((count) => compact.format(count)) },
      ],
      series: [{ label: "Day", value: (_, at) => (at == null ? "–" : day(new Date(at * 1000))) }, ...shown.map(series)],
    };
    const chart = new uPlot(options, [days, ...shown.map((name) => data[name])], box);
    chart.setLegend({ idx: days.length - 1 });
    return chart;
  };

  const boxes = [...area.querySelectorAll("[data-series]")];
  let charts = boxes.map(draw);
  const redraw = () => {
    for (const chart of charts) chart.destroy();
    charts = boxes.map(draw);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => {
    charts.forEach((chart, at) => {
      if (chart.width !== boxes[at].clientWidth) chart.setSize({ width: boxes[at].clientWidth, height: 180 });
    });
  }).observe(area);
})();
