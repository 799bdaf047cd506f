// Turns lists of pictures into films, with a slider over the steps and a play button. Without this script, they are a strip.
(() => {
  "use strict";
  const PAUSE = 350;
  document.querySelectorAll(".film").forEach((film) => {
    const frames = [...film.querySelectorAll("li")];
    const controls = document.createElement("div");
    controls.className = "controls";
    const play = document.createElement("button");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: frames.length - 1, step: 1 });
    slider.setAttribute("aria-label", `${film.dataset.caption}: step`);
    const all = document.createElement("button");
    let timer = 0;
    const show = (index) => {
      frames.forEach((frame, i) => frame.classList.toggle("now", i === index));
      slider.value = index;
      slider.setAttribute("aria-valuetext", `step ${frames[index].dataset.step}`);
    };
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (Number(slider.value) === frames.length - 1) show(0);
      play.textContent = "Pause";
      timer = setInterval(() => {
        const next = Number(slider.value) + 1;
        show(next);
        if (next === frames.length - 1) stop();
      }, PAUSE);
    });
    all.addEventListener("click", () => {
      stop();
      const plays = film.classList.toggle("plays");
      all.textContent = plays ? "All" : "One";
      play.hidden = slider.hidden = !plays;
    });
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    controls.append(play, slider, all);
    film.prepend(controls);
    film.classList.add("plays");
    all.textContent = "All";
    stop();
    show(frames.length - 1);
  });
})();
