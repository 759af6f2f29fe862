// Charts are set up last, when every kind is known. Without plotly, their static images stay.
if (window.DecompressionStream && document.getElementById("plotly")) {
  document.documentElement.classList.add("interactive");
  for (const box of document.querySelectorAll(".chart")) {
    const chart = JSON.parse(box.querySelector("script").textContent);
    chart.kind === "samples" ? samples.viewer(box, chart) : charts.setUp(box, chart);
  }
}
