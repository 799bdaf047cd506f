// Images on canvases.

// One image of a batch (n, C, H, W) in [-1, 1] as pixels.
function pixelsOf(images, index, { channels, size }) {
  const pixels = new ImageData(size, size), area = size * size, start = index * channels * area;
  for (let place = 0; place < area; place++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = images[start + (channels === 3 ? colour * area : 0) + place];
      pixels.data[4 * place + colour] = Math.round(Math.min(1, Math.max(-1, value)) * 127.5 + 127.5);
    }
    pixels.data[4 * place + 3] = 255;
  }
  return pixels;
}

function imageCanvas(run, label) {
  const canvas = element("canvas", { width: run.size, height: run.size, className: "pixels" });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

const show = (canvas, images, index, run) => canvas.getContext("2d").putImageData(pixelsOf(images, index, run), 0, 0);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function button(text, pressed, act) {
  const made = element("button", { type: "button", textContent: text });
  if (pressed !== null) made.setAttribute("aria-pressed", pressed);
  made.addEventListener("click", () => act(made));
  return made;
}

// A group of buttons, one of which is pressed.
function choice(label, options, chosen, act) {
  const group = element("div", { className: "choice" });
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", label);
  options.forEach(([value, text]) => {
    group.append(button(text, value === chosen, (pressed) => {
      for (const other of group.children) other.setAttribute("aria-pressed", other === pressed);
      act(value);
    }));
  });
  return group;
}
