"""What jumps on a page: the browser's own layout-shift entries."""

from __future__ import annotations

from playwright.sync_api import Page

# A function that begins to watch. Shifts right after a click or a key are answers to it and do not count.
WATCH = """() => {
    const name = (node) => node?.id || node?.className || node?.nodeName;
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const { hadRecentInput, value, sources } of list.getEntries())
            if (!hadRecentInput) window.shifts.push([value, ...sources.map(({ node }) => name(node))]);
    }).observe({ type: "layout-shift" });
}"""


def sum_shifts(page: Page) -> float:
    """Return the sum since the watch began, once the half second after the last click is over.

    Print all of it.
    """
    page.wait_for_timeout(800)
    shifts = page.evaluate("window.shifts")
    print(shifts)
    return sum(value for value, *_ in shifts)
