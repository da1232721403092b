"""Pins what pyproject.toml asks for: web.txt ⊂ training.txt ⊂ dev.txt, each readable by plain pip."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCKS = {"web.txt": [], "training.txt": ["training"], "dev.txt": ["training", "dev"]}
OPTIONS = ["quiet", "strip-extras", "allow-unsafe", "no-header", "no-annotate"]
NOTHING_OF_THIS_MACHINE = ["no-emit-options", "no-emit-index-url", "no-emit-find-links", "no-emit-trusted-host"]


def lock(name: str, extras: list[str], constraint: Path | None) -> Path:
    target = HERE / name
    subprocess.run(
        [
            *(sys.executable, "-m", "piptools", "compile"),
            *(f"--{option}" for option in OPTIONS + NOTHING_OF_THIS_MACHINE),
            *(f"--extra={extra}" for extra in extras),
            *([f"--constraint={constraint}"] if constraint else []),
            *("--output-file", str(target), str(HERE.parent / "pyproject.toml")),
        ],
        check=True,
    )
    # A CPU build calls itself 2.13.0+cpu; the pin has to fit whichever build a machine's registry offers.
    target.write_text(target.read_text().replace("+cpu", ""))
    return target


if __name__ == "__main__":
    narrower = None
    for name, extras in LOCKS.items():
        narrower = lock(name, extras, narrower)
