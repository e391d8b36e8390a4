"""The report of `inspect --html` in a browser: clicked through, light and dark, wide and narrow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

#: See `install`.
CHROMIUM = Path(sys.prefix) / "chromium"
#: WCAG's for text.
CONTRAST_MIN = 4.5


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        # A container's root has no sandbox, and the page is our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a simulated export."""
    program = os.environ.get("APSIDES_BIN")
    if not program:
        pytest.fail("set APSIDES_BIN to the apsides executable, e.g. target/release/apsides", pytrace=False)
    folder = tmp_path_factory.mktemp("report")
    export, definitions, report = folder / "export.json", folder / "definitions.json", folder / "report.html"
    simulate = [program, "simulate", "--write", export, "--definitions", definitions, "--profiles", "500"]
    inspect = [program, "inspect", export, "--definitions", definitions, "--duplicates", "--html", report]
    for command in (simulate, inspect):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return report


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The report, opened. Nothing may be asked of the network, and nothing may be said on the console."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    yield page
    assert {url.split("#")[0] for url in asked} == {report.as_uri()}
    assert said == []
    context.close()


def test_links_lead_to_the_parts(page: Page) -> None:
    links = page.locator("nav a")
    names = links.all_inner_texts()
    assert names == [heading.split(",")[0] for heading in page.locator("h2").all_inner_texts()]
    assert len(names) >= 6
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
        assert page.locator("h2:target").inner_text().split(",")[0] == name
        assert page.locator("h2:target").evaluate("heading => heading.getBoundingClientRect().bottom <= innerHeight")
        page.go_back()


def test_plots_tell_what_is_under_the_pointer(page: Page) -> None:
    bars = page.locator("svg rect:has(title)")
    assert bars.count() > 30
    for bar in (bars.first, bars.last):
        bar.hover()
        assert re.search(r"\d", bar.locator("title").text_content())
        box = bar.bounding_box()
        assert box["width"] > 1 and box["height"] > 0


def test_every_attribute_has_a_row_and_a_bar(page: Page) -> None:
    rows = page.locator("h2#attributes + div tbody tr")
    assert rows.count() == 60
    for row in (rows.first, rows.last):
        share = float(row.locator("td.n").last.inner_text().removesuffix("%").strip())
        track, bar = row.locator(".track").bounding_box(), row.locator(".track > i").bounding_box()
        assert abs(bar["width"] / track["width"] * 100 - share) < 1


def test_text_can_be_read(page: Page) -> None:
    background = luminance(style(page, "body", "background-color"))
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    assert (background < 0.2) == (scheme == "dark")
    for selector in ("h1", "h2", "td", "th", "dt", "nav a", "p.faint"):
        text = luminance(style(page, selector, "color"))
        contrast = (max(text, background) + 0.05) / (min(text, background) + 0.05)
        assert contrast >= CONTRAST_MIN, f"{selector}: {contrast:.1f}"


def test_a_narrow_screen_scrolls_tables_and_not_the_page(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.locator(".scroll").first.is_visible()


def style(page: Page, selector: str, name: str) -> str:
    return page.locator(selector).first.evaluate(f"element => getComputedStyle(element).getPropertyValue('{name}')")


def luminance(colour: str) -> float:
    """The relative luminance of `rgb(…)`, by WCAG."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
