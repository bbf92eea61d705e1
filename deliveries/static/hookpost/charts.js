// The chart of the front page: outcomes by hour as columns, the share that arrived as a line. A column leads to its list.
let hpChart;
document.addEventListener("DOMContentLoaded", () => {
  drawIn(document);
  // In the colours of the other theme, where that is chosen.
  new MutationObserver(() => redraw(hpChart?.canvas)).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
});
document.addEventListener("htmx:load", (event) => drawIn(event.target)); // in what came later

function drawIn(part) {
  const canvas = part.querySelector("canvas[data-hp-chart]");
  if (canvas && canvas !== hpChart?.canvas) redraw(canvas);
}

function redraw(canvas) {
  if (!canvas) return;
  hpChart?.destroy();
  hpChart = draw(canvas, JSON.parse(document.getElementById("hp-chart").textContent));
}

const COLOURS = { arrived: "#16a34a", refused: "#f59e0b", failed: "#dc2626", unanswered: "#7c3aed" };

function draw(canvas, data) {
  const style = getComputedStyle(document.documentElement);
  const isDark = document.documentElement.classList.contains("dark");
  const ink = style.getPropertyValue(isDark ? "--color-base-400" : "--color-base-500");
  const grid = style.getPropertyValue(isDark ? "--color-base-800" : "--color-base-200");
  const columns = data.series.map(({ name, label, data }) => ({ label, data, backgroundColor: COLOURS[name], stack: "all", order: 2 }));
  const line = { type: "line", label: hpSay("Arrived, %"), data: data.rate, yAxisID: "share", borderColor: style.getPropertyValue("--color-primary-500"), backgroundColor: "transparent", borderWidth: 2, pointRadius: 0, spanGaps: true, tension: 0.2, order: 1 };
  const axis = { ticks: { color: ink, maxRotation: 0, autoSkipPadding: 16 }, grid: { color: grid } };
  return new Chart(canvas, {
    type: "bar",
    data: { labels: data.labels, datasets: [...columns, line] },
    options: {
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { ...axis, stacked: true, grid: { display: false } },
        y: { ...axis, stacked: true, beginAtZero: true, ticks: { ...axis.ticks, precision: 0 } },
        share: { position: "right", min: 0, max: 100, ticks: { color: ink, stepSize: 25, callback: (value) => `${value} %` }, grid: { display: false } },
      },
      plugins: { legend: { display: true, position: "bottom", labels: { color: ink, boxWidth: 12 } } },
      onHover: (event, found) => (event.native.target.style.cursor = found.length ? "pointer" : "default"),
      onClick: (_, found) => {
        if (!found.length) return;
        const place = found[0].index;
        const query = new URLSearchParams({ since: data.since[place], until: data.until[place] });
        location.href = `${data.url}${data.url.includes("?") ? "&" : "?"}${query}`;
      },
    },
  });
}
