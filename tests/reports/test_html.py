"""The HTML report: one file, nothing loaded, and readable without seeing it."""

import re
from collections.abc import Callable

import pytest

from kong_lts.reports import render
from kong_lts.reports.chart import BOTTOM, LEFT, RIGHT, TOP, bar_chart, chart
from kong_lts.reports.document import Bar, Bars, Level, Ramp, Share
from kong_lts.reports.standing import ramp_chart
from tests.reports import samples

RUNS = [samples.rolled_back, samples.killed_and_resumed, samples.short_plan, samples.blocked]


@pytest.mark.parametrize("value", RUNS)
def test_nothing_is_run_or_loaded(value: Callable[[], object]) -> None:
    html = render(value(), "html")

    assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|\bhref=|url\(|@import|https?:", html)
    assert "default-src 'none'" in html


@pytest.mark.parametrize("value", RUNS)
def test_the_page_has_a_language_a_title_one_heading_and_labelled_sections(
    value: Callable[[], object],
) -> None:
    html = render(value(), "html")

    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>" in html.split("</head>")[0]
    assert html.count("<h1>") == 1
    for section in re.findall(r'<section aria-labelledby="(\w+)">', html):
        assert html.count(f'<h2 id="{section}">') == 1


@pytest.mark.parametrize("value", RUNS)
def test_every_table_has_a_caption_and_scopes(value: Callable[[], object]) -> None:
    html = render(value(), "html")

    assert html.count("<table") == html.count("<caption>")
    assert "<th>" not in html
    for cell in re.findall(r"<th [^>]*>", html):
        assert 'scope="' in cell


def test_the_chart_has_a_title_a_description_and_a_table_beside_it() -> None:
    html = render(samples.rolled_back(), "html")

    assert '<svg viewBox="0 0 480 240" role="img" aria-labelledby="s3-1-t s3-1-d">' in html
    assert '<title id="s3-1-t">The ramp</title>' in html
    assert "over time: 0%, then 10%, 50%, 10%, 0%. The table below" in html
    assert "<caption>The ramp in figures</caption>" in html


def test_the_page_fits_the_dark_paper_and_a_phone() -> None:
    html = render(samples.clear(), "html")

    for wanted in (
        "(prefers-color-scheme: dark)",
        "@media print",
        "(max-width: 40rem)",
        'content="width=device-width, initial-scale=1"',
    ):
        assert wanted in html


def test_the_line_of_the_chart_stays_in_its_frame() -> None:
    ramp = ramp_chart(samples.rolled_back())
    assert ramp is not None

    drawn = chart(ramp)

    assert all(LEFT <= float(x) <= RIGHT for x in re.findall(r"H([\d.]+)", drawn.line))
    assert all(TOP <= float(y) <= BOTTOM for y in re.findall(r"V([\d.]+)", drawn.line))


def test_a_chart_of_a_single_moment_can_be_drawn() -> None:
    share = Share(after_s=0, at="2024-05-01 12:00:00", percent=100, label="divert-100 done")
    drawn = chart(Ramp(description="", before_percent=0, shares=(share,)))

    assert len(drawn.x_ticks) == 1
    assert drawn.line.startswith(f"M{LEFT} {BOTTOM}")


def test_findings_can_be_hidden_by_severity_without_a_script() -> None:
    html = render(samples.blocked(), "html")

    shown = dict(re.findall(r'class="show-(\w+)"> (\w+ \(\d+\))</label>', html))
    assert shown == {"bad": "BLOCKER (1)", "warning": "WARNING (1)"}
    for level in shown:
        assert f".show-{level}:not(:checked)) + .entries .entry.{level} {{ display: none" in html


def test_bars_stay_in_their_frame_and_are_as_long_as_their_numbers() -> None:
    kinds = (("Blockers", Level.BAD), ("Warnings", Level.WARNING))
    bars = tuple(Bar(label="x" * 80, numbers=numbers) for numbers in ((3, 1), (0, 2), (0, 0)))

    drawn = bar_chart(Bars(caption="", heading="", kinds=kinds, bars=bars))

    first, second, empty = drawn.bars
    assert first.end - drawn.left == 2 * (second.end - drawn.left)
    assert [part.level for part in second.parts] == [Level.WARNING]
    assert not empty.parts
    assert first.end < drawn.width
    assert max(bar.y for bar in drawn.bars) < drawn.height


def test_a_chart_of_findings_has_its_figures_in_every_format() -> None:
    html, text = render(samples.blocked(), "html"), render(samples.blocked(), "text")

    assert "<title" in html
    assert "Findings by the input that showed them" in html
    assert "Findings by the input that showed them" in text


def test_paper_hides_no_finding() -> None:
    html = render(samples.blocked(), "html")

    before, _, hiding = html.partition("@media screen {")
    assert "display: none; }" in hiding.partition("\n}")[0]
    assert ":not(:checked)" not in before


def _luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_text_has_the_contrast_of_wcag_aa_in_the_light_the_dark_and_on_paper() -> None:
    html = render(samples.blocked(), "html")

    palettes = [
        dict(re.findall(r"--(\w+): #(\w+);", block))
        for block in re.findall(r":root \{(.*?)\}", html, re.S)
    ]
    assert len(palettes) == 3
    for colours in palettes:
        for text in ("front", "soft", "good", "warning", "bad", "accent"):
            for back in ("back", "panel"):
                assert _contrast(colours[text], colours[back]) >= 4.5, (text, back)


def test_a_short_word_in_a_table_is_never_cut() -> None:
    html = render(samples.rolled_back(), "html")

    assert '<th scope="row" role="rowheader" class="short word">divert-10</th>' in html
    assert ".word { white-space: nowrap; }" in html
