"""Draws phases.svg, the picture of the two phases: `python docs/site/draw_phases.py`."""

from pathlib import Path
from xml.sax.saxutils import escape

__all__ = ["drawing"]

_INK, _QUIET = "#1f2328", "#57606a"
_TRAINED, _STILL = ("#ffe3c2", "#c25700"), ("#eceff2", "#8c959f")
_WIDTH, _HEIGHT, _PANEL = 940, 612, 256


def _text(x: float, y: float, text: str, size: int = 15, anchor: str = "middle", **style: str) -> str:
    more = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in ({"fill": _INK} | style).items())
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _network(x: float, y: float, name: str, *, trained: bool, height: float = 44) -> str:
    """Returns a network's box with its centre at (x, y)."""
    fill, line = _TRAINED if trained else _STILL
    dashes = "" if trained else ' stroke-dasharray="5 4"'
    box = f'<rect x="{x - 38}" y="{y - height / 2}" width="76" height="{height}" rx="6"'
    weight = "bold" if trained else "normal"
    return f'{box} fill="{fill}" stroke="{line}" stroke-width="2"{dashes}/>' + _text(x, y + 5, name, font_weight=weight)


def _arrow(*points: tuple[float, float]) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{_QUIET}" stroke-width="1.6" marker-end="url(#tip)"/>'


def _loss(y: float, number: int, name: str, *lines: str) -> str:
    """Returns the box of a move's loss: its number, its name, and the networks that minimise it."""
    x, width, height = 640, 276, 34 + 17 * len(lines)
    top = y - height / 2
    box = f'<rect x="{x}" y="{top}" width="{width}" height="{height}" rx="12" fill="#dcebfb" stroke="#2f6fb0"/>'
    disc = f'<circle cx="{x + 18}" cy="{top + 19}" r="10" fill="#2f6fb0"/>'
    parts = [box, disc, _text(x + 18, top + 24, str(number), 13, fill="#ffffff", font_weight="bold")]
    parts.append(_text(x + 36, top + 24, name, 14, "start", font_weight="bold"))
    parts += [_text(x + 14, top + 43 + 17 * row, line, 13, "start") for row, line in enumerate(lines)]
    return "".join(parts)


def _panel(top: float, title: str, subtitle: str, *parts: str) -> str:
    frame = f'<rect x="8" y="0" width="{_WIDTH - 16}" height="{_PANEL}" rx="10" fill="none" stroke="#c9d1d9"/>'
    heads = _text(24, 28, title, 17, "start", font_weight="bold") + _text(_WIDTH - 24, 28, subtitle, 13, "end")
    return f'<g transform="translate(0,{top})">{frame}{heads}{"".join(parts)}</g>'


def _autoencoder_phase() -> str:
    images, codes = 100, 205
    return _panel(
        12,
        "Autoencoder phase (AAE phase)",
        "the code generator is not trained",
        _text(40, images + 5, "x"),
        _arrow((52, images), (84, images)),
        _network(124, images, "enc", trained=True),
        _arrow((162, images), (196, images)),
        _text(226, images + 5, "enc(x)"),
        _arrow((256, images), (292, images)),
        _network(332, images, "dec", trained=True),
        _arrow((370, images), (396, images)),
        _text(448, images + 5, "dec(enc(x))"),
        _arrow((500, images), (526, images)),
        _network(566, images, "F", trained=False),
        _arrow((604, images), (636, images)),
        _arrow((40, images - 14), (40, 56), (566, 56), (566, images - 26)),
        _text(303, 50, "the image itself", 12, fill=_QUIET),
        _text(566, images + 40, "a layer of D_I", 12, fill=_QUIET),
        _loss(
            images + 6, 2, "L_rec, and fooling D_C", "enc and dec: F(dec(enc(x))) ≈ F(x)", "enc: its codes pass for z_c"
        ),
        _text(40, codes + 5, "z"),
        _arrow((52, codes), (84, codes)),
        _network(124, codes, "CG", trained=False),
        _arrow((162, codes), (206, codes)),
        _text(226, codes + 5, "z_c"),
        _arrow((244, codes), (292, codes)),
        _arrow((226, images + 14), (226, 152), (332, 152), (332, codes - 26)),
        _network(332, codes, "D_C", trained=True),
        _arrow((370, codes), (636, codes)),
        _arrow((618, codes), (618, images + 24), (636, images + 24)),
        _loss(codes + 6, 1, "L_C", "D_C: tells z_c from enc(x)"),
    )


def _prior_improvement_phase() -> str:
    images, codes = 90, 195
    return _panel(
        24 + _PANEL,
        "Prior improvement phase",
        "the encoder is not trained",
        _text(40, images + 5, "x"),
        _arrow((52, images), (526, images)),
        _text(40, codes + 5, "z"),
        _arrow((52, codes), (84, codes)),
        _network(124, codes, "CG", trained=True),
        _arrow((162, codes), (206, codes)),
        _text(226, codes + 5, "z_c"),
        _arrow((244, codes), (292, codes)),
        _network(332, codes, "dec", trained=True),
        _arrow((370, codes), (410, codes)),
        _text(448, codes + 5, "dec(z_c)"),
        _arrow((486, codes), (526, codes)),
        _network(566, (images + codes) / 2, "D_I", trained=True, height=codes - images + 50),
        _arrow((604, images), (636, images)),
        _arrow((604, codes), (636, codes)),
        _loss(images, 1, "L_I", "D_I: tells x from dec(z_c)"),
        _loss(codes, 2, "fooling D_I", "CG and dec: dec(z_c) passes for x"),
        _text(332, codes + 42, "dec: unless --no-decoder-in-both-phases", 12, fill=_QUIET),
    )


def _legend() -> str:
    y = 2 * _PANEL + 68
    return "".join(
        [
            _network(62, y, "trained", trained=True, height=30),
            _text(112, y + 5, "in this phase", 13, "start"),
            _network(268, y, "used", trained=False, height=30),
            _text(318, y + 5, "unchanged", 13, "start"),
            f'<circle cx="418" cy="{y}" r="10" fill="#2f6fb0"/>',
            _text(418, y + 5, "1", 13, fill="#ffffff", font_weight="bold"),
            _text(436, y + 5, "moves, in order: a loss, and the networks that minimise it", 13, "start"),
        ]
    )


def drawing() -> str:
    """Returns the picture as SVG, with a light background that keeps it readable on dark pages."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif">'
        "<title>The two phases of the method: which networks each trains, and by which losses</title>"
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,0 L10,5 L0,10 z" fill="{_QUIET}"/></marker></defs>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="12" fill="#ffffff"/>'
    )
    return "\n".join([head, _autoencoder_phase(), _prior_improvement_phase(), _legend(), "</svg>\n"])


if __name__ == "__main__":
    (Path(__file__).parents[1] / "phases.svg").write_text(drawing(), encoding="utf-8")
