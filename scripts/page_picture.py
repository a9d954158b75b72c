"""Draw the picture of the page: `python scripts/page_picture.py http://127.0.0.1:8642`.

Before it `make demo`, and while it runs `paperboy serve` on its papers.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "by how much does MEFT cut activation memory?"


def main(site: str) -> None:
    """Ask a question, open the first source, and keep what is seen."""
    chromium = shutil.which("chromium") or sys.exit("Chromium is needed (Debian: apt install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=ViewportSize(width=1360, height=800), color_scheme="light", locale="en-US")
        page.goto(f"{site}/#/ask?q={QUESTION.replace(' ', '+')}")
        page.locator(".citation").first.click()
        page.locator(".sheet mark").wait_for()
        # Until the sheet has come in.
        page.wait_for_timeout(500)
        page.screenshot(path=ROOT / "docs" / "page.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
