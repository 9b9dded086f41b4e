"""Opens reports in a real browser, uses them as people do, and compares what they show with the tables of the run.

usage: report_page.py RUN PAGE PARTNER_PAGE PICTURES     the published folder, its page, one partner's page, and a folder for screenshots

Needs Chromium (Debian's package `chromium`, or the program named by PARTNERSCORE_TEST_CHROMIUM).
"""

import os
import pathlib
import sys

import polars as pl
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
METRICS = ["net_customer_adds", "intermediate_certifications", "advanced_certifications", "usage_growth", "deployments"]
SIZES = [(1440, "light"), (1440, "dark"), (768, "light"), (390, "light")]


def shown(points):
    """Points as the page writes them: as many decimals as they need."""
    return f"{points:.4f}".rstrip("0").rstrip(".")


def opened(browser, page_file, width=1440, scheme="light", script=True):
    """The page in a window of its own, and what it asked the network for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    return page, asked


def table(page):
    """The ranking's visible rows, as lists of what their cells say."""
    return page.eval_on_selector_all(
        "#ranking tbody tr", "rows => rows.filter(row => !row.hidden).map(row => Array.from(row.cells, cell => cell.innerText.trim()))"
    )


def figures(page, scores):
    """The whole ranking equals scores.parquet."""
    rows = table(page)
    assert len(rows) == scores.height, (len(rows), scores.height)
    for row, score in zip(rows, scores.iter_rows(named=True)):
        assert row[0] == str(score["rank"]), (row, score)
        name = f"{score['partner_name']} {score['partner_id']}" if score["partner_name"] is not None else score["partner_id"]
        # The browser folds spaces.
        assert row[1].split() == name.split(), (row[1], name)
        assert row[2:5] == [score["distributor_id"] or "", score["market"] or "", score["track"]], (row, score)
        assert row[5].startswith("Qualified") == score["qualified"], (row, score)
        assert row[6:] == [shown(score["total_points"]), *(shown(score[f"{metric}_points"]) for metric in METRICS)], (row, score)
    head = page.inner_text(".headline")
    for figure in (scores.height, scores["qualified"].sum(), f"{scores['total_points'].mean():.1f}"):
        assert str(figure) in head, (figure, head)


def used(page, scores):
    """Sorts, searches and filters, each compared with the table."""
    page.click("#ranking thead th:nth-child(7) button")
    totals = [float(row[6]) for row in table(page)]
    assert totals == sorted(totals), totals
    page.click("#ranking thead th:nth-child(7) button")
    assert [float(row[6]) for row in table(page)] == sorted(totals, reverse=True)
    assert page.get_attribute("#ranking thead th:nth-child(7)", "aria-sort") == "descending"
    wanted = scores.filter(pl.col("partner_name").str.contains("(?i)cedar"))
    assert wanted.height > 0
    page.fill("[data-by=text]", "CEDAR")
    assert len(table(page)) == wanted.height
    page.fill("[data-by=text]", "")
    for key, column in (("distributor", "distributor_id"), ("market", "market"), ("track", "track")):
        value = scores[column].drop_nulls().sort()[0]
        page.select_option(f"[data-by={key}]", value)
        assert len(table(page)) == scores.filter(pl.col(column) == value).height, (key, value)
        page.select_option(f"[data-by={key}]", "")
    page.select_option("[data-by=status]", "without")
    page.select_option("[data-by=track]", "smb")
    assert all(row[4:6] == ["smb", "Not qualified"] for row in table(page)) and table(page)
    said = page.inner_text("#shown")
    assert said == f"{len(table(page))} of {scores.height} partners", said
    page.select_option("[data-by=status]", "")
    page.select_option("[data-by=track]", "")


def cards(page, run, scores):
    """A near miss's card opens, and says what the tables say."""
    near = scores.filter(~pl.col("qualified") & (pl.col("points_short") <= 10))
    assert page.locator("section:has(#near) details").count() == near.height
    card = page.locator("section:has(#near) details").first
    card.locator("summary").click()
    partner = card.get_attribute("id").removeprefix("card-")
    points = pl.read_parquet(run / "metric_points.parquet").filter(pl.col("partner_id") == partner)
    lines = card.locator("tbody tr").all_inner_texts()
    assert len(lines) == points.height, (len(lines), points.height)
    for line, row in zip(lines, points.iter_rows(named=True)):
        cells = line.split("\t")
        assert cells[2:5] == [str(row["current"]), str(row["prior"]), f"{shown(row['points'])} of {shown(row['max_points'])}"], (cells, row)


def accessible(page, what):
    results = Axe().run(page)
    assert results.violations_count == 0, f"{what}: {results.generate_report()}"


def main():
    run, portfolio, partner, pictures = map(pathlib.Path, sys.argv[1:])
    scores = pl.read_parquet(run / "scores.parquet")
    chromium = os.environ.get("PARTNERSCORE_TEST_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page, asked = opened(browser, portfolio)
        figures(page, scores)
        used(page, scores)
        cards(page, run, scores)
        assert [url for url in asked if not url.startswith("file:")] == [], asked
        assert page.locator("script").count() == 1, "a name is a name, and no script"
        plain, _ = opened(browser, portfolio, script=False)
        assert plain.locator("#ranking tbody tr").count() == scores.height, "readable without its script"
        for page_file, name in ((portfolio, "portfolio"), (partner, "partner")):
            for width, scheme in SIZES:
                page, asked = opened(browser, page_file, width, scheme)
                accessible(page, f"{name} {width} {scheme}")
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} at {width} is {wide} wide"
                page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png", full_page=True)
                assert [url for url in asked if not url.startswith("file:")] == [], asked
            page.pdf(path=pictures / f"{name}.pdf", format="A4")
        browser.close()
    print("the pages show what the tables say")


if __name__ == "__main__":
    main()
