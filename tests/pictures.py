"""Takes the pictures that docs/reports.md shows, of reports that are there already.

usage: pictures.py PAGE PARTNER_PAGE FOLDER

Needs Chromium, as tests/report_page.py does. Pictures are WebP, under 300 KB each.
"""

import base64
import pathlib
import sys

from playwright.sync_api import sync_playwright

from report_page import chromium, opened

# A picture's name, the page, its width and height, light or dark, and what it begins at.
PICTURES = [
    ("portfolio", 0, 1280, 820, "light", "body"),
    ("portfolio-dark", 0, 1280, 820, "dark", "body"),
    ("ranking", 0, 1280, 560, "light", "section:has(#ranking-title)"),
    ("telephone", 0, 390, 760, "light", "section:has(#ranking-title)"),
    ("partner", 1, 1000, 900, "light", "body"),
]
MOST_BYTES = 300_000


def taken(page, width, height, start):
    """The part of the page that begins at an element, as WebP."""
    top = page.locator(start).first.bounding_box()["y"] + page.evaluate("scrollY")
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    session = page.context.new_cdp_session(page)
    picture = session.send("Page.captureScreenshot", {"format": "webp", "quality": 82, "clip": clip, "captureBeyondViewport": True})
    return base64.b64decode(picture["data"])


def main():
    *pages, folder = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        for name, which, width, height, scheme, start in PICTURES:
            page, _ = opened(browser, pages[which].resolve(), width, scheme)
            picture = taken(page, width, height, start)
            assert picture[8:12] == b"WEBP" and 2_000 < len(picture) < MOST_BYTES, (name, len(picture))
            (folder / f"{name}.webp").write_bytes(picture)
        browser.close()


if __name__ == "__main__":
    main()
