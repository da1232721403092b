"""Copies the browser's libraries out of node_modules: `npm ci` in this folder, then `python update.py`."""

import re
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
FILES = {
    "bootstrap": ["LICENSE", "dist/css/bootstrap.min.css"],
    "bootstrap-icons": ["LICENSE"],
    "uplot": ["LICENSE", "dist/uPlot.iife.min.js", "dist/uPlot.min.css"],
}
STATUS_ICONS = {
    "queued": "hourglass-split",
    "running": "play-circle",
    "stopping": "pause-circle",
    "succeeded": "check-circle",
    "failed": "x-circle",
    "cancelled": "slash-circle",
}
ICONS = STATUS_ICONS | {
    "check": "check-lg",
    "lock": "lock",
    "plus": "plus-lg",
    "search": "search",
    "pencil": "pencil",
    "trash": "trash",
    "download": "download",
    "copy": "copy",
    "warning": "exclamation-triangle",
    "up": "arrow-up",
    "down": "arrow-down",
    "right": "chevron-right",
    "left": "chevron-left",
    "person": "person",
    "translate": "translate",
    "key": "key",
    "upload": "upload",
    "database": "database",
    "cpu": "cpu",
    "box": "box-seam",
    "sliders": "sliders",
    "clock": "clock-history",
    "stop": "stop-circle",
    "file": "file-earmark-text",
    "graph": "graph-down",
    "x": "x-lg",
    "columns": "layout-three-columns",
    "hold": "pause-fill",
    "release": "play-fill",
    "first": "chevron-bar-up",
    "grip": "grip-vertical",
}


def copy_files() -> None:
    for package, names in FILES.items():
        (HERE / package).mkdir(exist_ok=True)
        for name in names:
            text = (MODULES / package / name).read_text()
            # Hashed file names need every file that is referred to, and the source maps are left behind.
            text = re.sub(r"^.*sourceMappingURL.*$", "", text, flags=re.MULTILINE)
            (HERE / package / Path(name).name).write_text(text.rstrip() + "\n")


def draw_icons() -> None:
    symbols = []
    for name, original in ICONS.items():
        svg = (MODULES / "bootstrap-icons/icons" / f"{original}.svg").read_text()
        paths = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
        assert paths, f"{original}.svg has no drawing"
        symbols.append(f'<symbol id="{name}" viewBox="0 0 16 16">{paths[1].strip()}</symbol>')
    sprite = '<svg xmlns="http://www.w3.org/2000/svg" fill="currentColor">\n' + "\n".join(symbols) + "\n</svg>\n"
    (HERE.parent / "icons.svg").write_text(sprite)


if __name__ == "__main__":
    copy_files()
    draw_icons()
    shutil.rmtree(MODULES)
