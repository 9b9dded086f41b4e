"""The plots of the documents, as SVG."""

import altair as alt
import polars as pl

OURS, OTHERS = "#0b6e4f", "#9aa5b1"


def bars(path, title, seconds):
    """A bar for each program's seconds, in the order given."""
    rows = [{"program": name, "seconds": value, "label": f"{value:.2f} s"} for name, value in seconds.items()]
    base = alt.Chart(pl.DataFrame(rows), title=title).encode(
        y=alt.Y("program:N", sort=None, title=None),
        x=alt.X("seconds:Q", title="seconds"),
    )
    ours = alt.FieldOneOfPredicate(field="program", oneOf=[name for name in seconds if name.startswith("partnerscore")])
    colour = alt.condition(ours, alt.value(OURS), alt.value(OTHERS))
    labels = base.mark_text(align="left", dx=4).encode(text="label")
    saved(path, (base.mark_bar().encode(color=colour) + labels).properties(width=520, height=alt.Step(30)))


def grown(path, series):
    """Seconds and memory against what grows: one column of plots for each of `series`, which maps its title to rows of x, seconds and bytes.

    Plots of a row share their scale, so that flat looks flat.
    """
    tallest = {"seconds": 0.0, "peak memory (MB)": 0.0}
    tables = {}
    for title, rows in series.items():
        tables[title] = pl.DataFrame({
            title: [row[0] for row in rows],
            "seconds": [row[1] for row in rows],
            "peak memory (MB)": [row[2] / 1e6 for row in rows],
        })
        tallest = {name: max(most, tables[title][name].max()) for name, most in tallest.items()}
    plots = [
        alt.hconcat(*(against(tables[title], title, measure, most, colour) for title in tables))
        for (measure, most), colour in zip(tallest.items(), (OURS, "#b5651d"))
    ]
    saved(path, alt.vconcat(*plots))


def against(table, title, measure, most, colour):
    x = alt.X(f"{title}:Q", axis=alt.Axis(format=".3~s", values=table[title].to_list(), labelOverlap=False))
    if title == "partners":
        x = x.scale(type="log")
    y = alt.Y(f"{measure}:Q", scale=alt.Scale(domain=[0, most]))
    return alt.Chart(table).mark_line(point={"color": colour}, color=colour).encode(x=x, y=y).properties(width=190, height=150)


def saved(path, chart):
    chart.configure(background="#fff", font="sans-serif").configure_view(stroke=None).save(path, format="svg")
