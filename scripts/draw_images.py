"""Draw icon.png and banner.png of docs/images from the SVG beside them, in Chromium."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from chromium import ALONE, launch

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PAGE = "<style>body{{margin:0;background:transparent}}svg{{display:block}}</style>{}"


def main() -> int:
    with sync_playwright() as playwright:
        browser = launch(playwright, ALONE)
        for name in ("icon", "banner"):
            svg = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
            size = re.search(r'width="(\d+)" height="(\d+)"', svg)
            assert size
            page = browser.new_page(viewport={"width": int(size[1]), "height": int(size[2])})
            page.set_content(PAGE.format(svg))
            page.screenshot(path=IMAGES / f"{name}.png", omit_background=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
