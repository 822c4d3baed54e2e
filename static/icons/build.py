"""Build sprite.svg, the one file that holds every icon of the pages.

Unpack a release of the package lucide-static, add the wanted name to names.txt and run

    python static/icons/build.py path/to/lucide-static

The package keeps an old name as an alias when an icon is renamed, so a name stays good for pages and for stored roles.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
SVG = re.compile(r"<svg\b[^>]*>(?P<body>.*)</svg>", re.DOTALL)
PAINT = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'


def symbol(name: str, source: str) -> str:
    """Return one icon's drawing as a symbol; raise ValueError if the source is not one SVG image."""
    match = SVG.search(source)
    if match is None:
        raise ValueError(f"{name}.svg is not an SVG image")
    body = re.sub(r"\s+", " ", match["body"]).replace("> <", "><").strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24" {PAINT}>{body}</symbol>'


def sprite(names: list[str], icons: Path) -> str:
    """Return the sprite of the named icons, read from the folder of single SVG files."""
    symbols = (symbol(name, (icons / f"{name}.svg").read_text(encoding="utf-8")) for name in names)
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def main() -> int:
    """Write sprite.svg and the licence beside this file."""
    parser = argparse.ArgumentParser(description="Build the icon sprite from an unpacked lucide-static release.")
    parser.add_argument("package", type=Path, help="folder of the release, with LICENSE and icons/")
    package: Path = parser.parse_args().package
    names = (HERE / "names.txt").read_text(encoding="utf-8").split()
    missing = [name for name in names if not (package / "icons" / f"{name}.svg").is_file()]
    if missing:
        print(f"Not in this release, choose other names: {', '.join(missing)}", file=sys.stderr)
        return 1
    (HERE / "sprite.svg").write_text(sprite(names, package / "icons"), encoding="utf-8")
    shutil.copyfile(package / "LICENSE", HERE / "LICENSE")
    print(f"{len(names)} icons written to {HERE / 'sprite.svg'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
