"""Opens reports in a real browser, uses them as people do, and compares what they show with the tables of the runs.

usage: report_page.py RUN BEFORE PAGE PARTNER_PAGE PARTNER PICTURES     the published folder and the one before, its page, one partner's page
                                                                        and id, and a folder for screenshots

Needs Chromium (Debian's package `chromium`, or the program named by PARTNERSCORE_TEST_CHROMIUM).
"""

import json
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
SKILLS = METRICS[1:3]
SIZES = [(1440, "light"), (1440, "dark"), (768, "light"), (390, "light"), (390, "dark")]
UNITS = 10_000


def shown(points):
    """Points as the page writes them: as many decimals as they need."""
    return f"{points:.4f}".rstrip("0").rstrip(".")


def grouped(number):
    """A whole number as the page writes it."""
    return f"{number:,}".replace("-", "\N{MINUS SIGN}")


def chromium(playwright):
    program = os.environ.get("PARTNERSCORE_TEST_CHROMIUM", "/usr/bin/chromium")
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)


def opened(browser, page_file, width=1440, scheme="light", script=True):
    """The page in a window of its own, and what it asked the network for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    return page, asked


def table(page, selector="#ranking"):
    """A table's rows that are not hidden, as lists of what their cells say."""
    return page.eval_on_selector_all(
        f"{selector} tbody tr", "rows => rows.filter(row => !row.hidden).map(row => Array.from(row.cells, cell => cell.textContent.trim()))"
    )


def after(heading, of="table"):
    """What stands below a heading."""
    return f"section:has(#{heading}) {of}"


class Tables:
    """The published tables, and what the report calls a partner, worked out anew."""

    def __init__(self, run, before):
        self.run = json.loads((run / "run.json").read_text())
        self.scores = pl.read_parquet(run / "scores.parquet")
        self.points = {}
        for row in pl.read_parquet(run / "metric_points.parquet").iter_rows(named=True):
            self.points.setdefault((row["partner_id"], row["track"]), []).append(row)
        self.before = {row["partner_id"]: row for row in pl.read_parquet(before / "scores.parquet").iter_rows(named=True)}
        self.goal = self.run["rulebook"]["designation_points"] * UNITS
        self.minimum = round(self.run["rulebook"]["minimum_points"] * UNITS)
        self.rows = list(self.scores.iter_rows(named=True))
        self.status = {row["partner_id"]: self.standing(row) for row in self.rows}

    def standing(self, score):
        if not score["qualified"]:
            return "Near miss" if score["points_short"] <= 10 else "Not qualified"
        rows = self.points[score["partner_id"], score["track"]]
        thin = any(row["counted"] and self.taken(row, rows, -1) < self.minimum for row in rows)
        return "Qualified, at risk" if thin or score["total_points"] < self.goal / UNITS + 5 else "Qualified"

    def of(self, status):
        return [row for row in self.rows if self.status[row["partner_id"]] == status]

    def taken(self, row, rows, more):
        """The points of a row's metric with so many more of the row, in units."""
        value = min(max(row["current"] - row["prior"] + more, 0), row["target"])
        own = (value * round(row["max_points"]) * UNITS * 2 + row["target"]) // (2 * row["target"])
        others = [round(other["points"] * UNITS) for other in rows if other["metric"] == row["metric"] and other is not row]
        return max([own, *others])

    def designated(self, row, rows, more):
        points = [round(other["points"] * UNITS) for other in rows if other["counted"] and other["metric"] != row["metric"]]
        points.append(self.taken(row, rows, more))
        return sum(points) >= self.goal and min(points) >= self.minimum

    def decides(self, row, rows):
        """What the last column of a card says: tried one by one."""
        net = row["current"] - row["prior"]
        if not self.designated(row, rows, 0):
            more = next((more for more in range(1, row["target"] - net + 1) if self.designated(row, rows, more)), None)
            return "" if more is None else f"{grouped(more)} more"
        fewer = next((less for less in range(1, max(net, 1) + 1) if not self.designated(row, rows, -less)), None)
        return "" if fewer is None or not row["counted"] else f"{grouped(fewer)} fewer lose it"


def unit(row):
    """What a measure misses to all points, as the page writes it."""
    missing = row["target"] - row["current"] + row["prior"]
    one, many = ("person", "people") if row["metric"] in SKILLS else ("user", "users") if row["metric"] == "usage_growth" else ("tenant", "tenants")
    return "" if missing <= 0 else f"{grouped(missing)} {one if missing == 1 else many}"


def figures(page, tables):
    """The headline and the whole ranking equal scores.parquet."""
    scores = tables.scores
    page.locator("#everyone").evaluate("button => button.click()")
    rows = table(page)
    assert len(rows) == scores.height, (len(rows), scores.height)
    for row, score in zip(rows, tables.rows):
        assert row[0] == str(score["rank"]), (row, score)
        name = f"{score['partner_name']} {score['partner_id']}" if score["partner_name"] is not None else score["partner_id"]
        # The browser folds spaces.
        assert row[1].split() == name.split(), (row[1], name)
        assert row[2:5] == [score["distributor_id"] or "", score["market"] or "", score["track"]], (row, score)
        assert row[5] == tables.status[score["partner_id"]], (row, score)
        assert row[6:] == [shown(score["total_points"]), *(shown(score[f"{metric}_points"]) for metric in METRICS)], (row, score)
    both = [(tables.before[row["partner_id"]], row) for row in tables.rows if row["partner_id"] in tables.before]
    gained = sum(now["qualified"] and not then["qualified"] for then, now in both)
    lost = sum(then["qualified"] and not now["qualified"] for then, now in both)
    expected = [
        grouped(scores.height), grouped(scores["qualified"].sum()), f"+{gained} / \N{MINUS SIGN}{lost}", grouped(len(tables.of("Near miss"))),
        grouped(len(tables.of("Qualified, at risk"))), f"{scores['total_points'].mean():.1f}",
    ]
    assert page.locator(".headline b").all_inner_texts() == expected, expected
    assert page.inner_text("h1").startswith(f"{expected[1]} of {expected[0]} partners hold"), page.inner_text("h1")


def charts(page, tables):
    """The figures behind the charts, and the tables beside them."""
    spans = table(page, ".figures:has(> summary:text-is('The figures of this chart'))")
    assert len(spans) == 20, spans
    for place, span in enumerate(spans):
        within = [row for row in tables.rows if min(int(row["total_points"] // 5), 19) == place]
        parts = [
            sum(row["qualified"] for row in within), sum(not row["qualified"] and row["points_short"] == 0 for row in within),
            sum(not row["qualified"] and row["points_short"] > 0 for row in within),
        ]
        assert span[1:] == [grouped(len(within)), *map(grouped, parts)], (span, parts)
    shares = table(page, ".figures:has(> summary:text-is('The figures of these charts'))")
    assert len(shares) == 10, shares
    for place, share in enumerate(shares):
        metric, track = METRICS[place // 2], ["enterprise", "smb"][place % 2]
        counts, points = [0] * 6, []
        for score in tables.scores.filter(pl.col("track") == track).iter_rows(named=True):
            row = next(row for row in tables.points[score["partner_id"], track] if row["metric"] == metric and row["counted"])
            points.append(row["points"])
            part = row["points"] / row["max_points"]
            counts[0 if part <= 0 else 5 if part >= 1 else 1 + int(part * 4)] += 1
        assert share[:2] == [metric.replace("_", " "), track], share
        assert share[2:8] == list(map(grouped, counts)), (share, counts)
        assert abs(float(share[8].split(" of ")[0]) - sum(points) / max(len(points), 1)) <= 0.05001, (share, points)
    groups = {"enterprise": pl.col("track") == "enterprise", "smb": pl.col("track") == "smb", "both": pl.lit(True)}
    for row in table(page, "#tracks + .scroll > table"):
        group(tables, row[0], tables.scores.filter(groups[row[0]]), [row[1], row[2], row[3], row[4], row[5]])
    distributors = table(page, after("distributors"))
    assert len(distributors) == tables.scores["distributor_id"].n_unique(), distributors
    for row in distributors:
        of = pl.col("distributor_id").is_null() if row[0] == "no distributor" else pl.col("distributor_id") == row[0]
        theirs = tables.scores.filter(of)
        group(tables, row[0], theirs, row[1:6])
        assert abs(float(row[6]) - theirs["total_points"].mean()) <= 0.05001, row


def group(tables, name, theirs, said):
    near, risk = (sum(tables.status[partner] == status for partner in theirs["partner_id"]) for status in ("Near miss", "Qualified, at risk"))
    share = 100 * theirs["qualified"].sum() / theirs.height
    assert said == [grouped(theirs.height), grouped(theirs["qualified"].sum()), f"{share:.1f} %", grouped(near), grouped(risk)], (name, said)


def movers(page, tables):
    """Who gained and lost the designation, and the largest changes, with both totals."""
    gained, lost, rises, falls = ([row for part in page.locator(f".movers >> nth={place}").locator("tbody tr").all() for row in [part.locator("th,td").all_text_contents()]] for place in range(4))
    both = {row["partner_id"]: (tables.before[row["partner_id"]], row) for row in tables.rows if row["partner_id"] in tables.before}
    assert len(gained) == sum(now["qualified"] and not then["qualified"] for then, now in both.values())
    assert len(lost) == sum(then["qualified"] and not now["qualified"] for then, now in both.values())
    changes = {partner: now["total_points"] - then["total_points"] for partner, (then, now) in both.items()}
    largest = sorted((change for change in changes.values() if change > 0), reverse=True)[:10]
    smallest = sorted(change for change in changes.values() if change < 0)[:10]
    assert [len(rises), len(falls)] == [len(largest), len(smallest)]
    for rows, expected in ((gained, None), (lost, None), (rises, largest), (falls, smallest)):
        for place, row in enumerate(rows):
            partner = row[0].split()[-1]
            then, now = both[partner]
            change = f"{'+' if changes[partner] > 0 else chr(0x2212) if changes[partner] < 0 else chr(0xb1)}{shown(abs(changes[partner]))}"
            assert [row[1], row[3], row[4]] == [shown(then["total_points"]), shown(now["total_points"]), change], (row, then, now)
            assert expected is None or abs(expected[place] - changes[partner]) < 1e-9, (row, expected)


def used(page, tables):
    """Sorts, searches and filters, each compared with the table."""
    scores = tables.scores
    page.click("#ranking thead th:nth-child(7) button")
    totals = [float(row[6]) for row in table(page)]
    assert totals == sorted(totals, reverse=True), totals
    page.click("#ranking thead th:nth-child(7) button")
    assert page.get_attribute("#ranking thead th:nth-child(7)", "aria-sort") == "ascending"
    assert [float(row[6]) for row in table(page)] == sorted(scores["total_points"])[:100]
    page.click("#ranking thead th:nth-child(3) button")
    named = [row[2] for row in table(page) if row[2]]
    assert named == sorted(named, key=str.lower), named
    wanted = scores.filter(pl.col("partner_name").str.contains("(?i)cedar"))
    assert wanted.height > 0
    page.fill("[data-by=text]", "CEDAR")
    assert len(table(page)) == wanted.height
    page.fill("[data-by=text]", "")
    for key, column in (("2", "distributor_id"), ("3", "market"), ("4", "track")):
        value = scores[column].drop_nulls().sort()[0]
        page.select_option(f"[data-by='{key}']", value)
        assert len(table(page)) == min(scores.filter(pl.col(column) == value).height, 100), (key, value)
        page.select_option(f"[data-by='{key}']", "")
    page.select_option("[data-by='5']", "Not qualified")
    page.select_option("[data-by='4']", "smb")
    rows = table(page)
    assert rows and all(row[4:6] == ["smb", "Not qualified"] for row in rows)
    count = sum(row["track"] == "smb" for row in tables.of("Not qualified"))
    said = page.inner_text("#shown")
    assert said.startswith(f"{grouped(count)} of {grouped(scores.height)} partners"), said
    page.fill("[data-by=text]", "no partner is called so")
    assert table(page) == [] and page.inner_text("#shown") == f"0 of {grouped(scores.height)} partners"
    accessible(page, "nothing found")
    page.fill("[data-by=text]", "")
    page.select_option("[data-by='5']", "")
    page.select_option("[data-by='4']", "")
    page.click("#ranking thead th:nth-child(1) button")


def cards(page, tables):
    """Every card says what the tables say, and a link in the ranking opens its own."""
    for heading, status in (("near", "Near miss"), ("risk", "Qualified, at risk")):
        of = {row["partner_id"]: row for row in tables.of(status)}
        found = page.eval_on_selector_all(
            after(heading, ".card"),
            "cards => cards.map(card => [card.dataset.partner, Array.from(card.querySelectorAll('tbody tr'), row => Array.from(row.cells, cell => cell.textContent.trim()))])",
        )
        assert {partner for partner, _ in found} == set(of) and len(found) == len(of), (heading, len(found), len(of))
        for partner, lines in found:
            expected = [line for track in ("enterprise", "smb") for line in card_lines(tables, partner, track)]
            assert lines == expected, (partner, lines, expected)
    first = tables.of("Near miss")[0]["partner_id"]
    page.locator("#ranking a").filter(has_text=page.locator(f"[data-partner='{first}'] summary b").inner_text()).first.click()
    page.wait_for_function("partner => document.querySelector(`[data-partner='${partner}']`).open", arg=first)
    assert page.locator(f"[data-partner='{first}'] tbody tr").first.is_visible()


def card_lines(tables, partner, track):
    rows = tables.points[partner, track]
    for row in rows:
        metric = row["metric"].replace("_", " ")
        net = row["current"] - row["prior"]
        yield [
            metric if row["option"] == "all" else f"{metric}, {row['option'].upper()}", grouped(row["current"]), "" if row["metric"] in SKILLS else grouped(row["prior"]),
            f"{grouped(net)} of {grouped(row['target'])}", f"{shown(row['points'])} of {shown(row['max_points'])}", unit(row), tables.decides(row, rows),
        ]


def partner_page(page, tables, partner):
    """One partner's page: its total, both tracks, and nothing of anyone else."""
    score = next(row for row in tables.rows if row["partner_id"] == partner)
    assert page.locator(".headline b").first.inner_text() == shown(score["total_points"])
    for track in ("enterprise", "smb"):
        lines = [[line[0], line[1], line[2], *line[3].split(" of "), line[4], line[6]] for line in card_lines(tables, partner, track)]
        said = [[*row[:6], row[7]] for row in table(page, after(f"track-{track}"))]
        assert said == lines, (said, lines)
        assert f"{track}: {shown(score[f'{track}_points'])} points" in page.inner_text(f"#track-{track}")


def accessible(page, what):
    results = Axe().run(page)
    assert results.violations_count == 0, f"{what}: {results.generate_report()}"


def fits(page, width, what):
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{what} at {width} is {wide} wide"


def main():
    run, before, portfolio, partner, partner_id, pictures = sys.argv[1:]
    portfolio, partner, pictures = map(pathlib.Path, (portfolio, partner, pictures))
    tables = Tables(pathlib.Path(run), pathlib.Path(before))
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page, asked = opened(browser, portfolio)
        figures(page, tables)
        charts(page, tables)
        movers(page, tables)
        used(page, tables)
        cards(page, tables)
        assert [url for url in asked if not url.startswith("file:")] == [], asked
        assert page.locator("script").count() == 2, "a name is a name, and no script"
        plain, _ = opened(browser, portfolio, script=False)
        assert plain.locator("#ranking tbody tr:visible").count() == tables.scores.height, "readable without its script"
        assert not plain.locator(".tools").is_visible(), "nothing is offered that does not work"
        page, _ = opened(browser, partner)
        partner_page(page, tables, partner_id)
        for page_file, name in ((portfolio, "portfolio"), (partner, "partner")):
            for width, scheme in SIZES:
                page, asked = opened(browser, page_file, width, scheme)
                accessible(page, f"{name} {width} {scheme}")
                fits(page, width, name)
                page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png", full_page=True)
                page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
                accessible(page, f"{name} {width} {scheme}, all open")
                fits(page, width, f"{name}, all open,")
                assert [url for url in asked if not url.startswith("file:")] == [], asked
            page.pdf(path=pictures / f"{name}.pdf", format="A4", prefer_css_page_size=True)
        browser.close()
    print("the pages show what the tables say")


if __name__ == "__main__":
    main()
