// Starts the slides, and makes the letters of a slide smaller until all of it is in sight.
(function () {
  function fit() {
    document.querySelectorAll(".slides > section").forEach(function (slide) {
      for (let share = 100; share > 40; share -= 4) {
        slide.style.fontSize = share + "%";
        if (slide.scrollHeight <= slide.clientHeight && slide.scrollWidth <= slide.clientWidth) break;
      }
    });
  }
  Reveal.on("ready", fit);
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false, display: "flex", hash: true,
    transition: "none", backgroundTransition: "none", slideNumber: "c/t", controls: false, viewDistance: 1000,
    mobileViewDistance: 1000, pdfSeparateFragments: false, plugins: [RevealNotes],
  });
})();
