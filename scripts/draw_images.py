"""Draw icon.png and banner.png of docs/images from the SVG beside them, in Chromium."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from save_workflows import BROWSERS, QUIET

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PAGE = "<style>body{{margin:0;background:transparent}}svg{{display:block}}</style>{}"


def main() -> int:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
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
