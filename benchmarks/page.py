"""How heavy the customer's page is, and how soon it can be used in Chromium."""

import argparse
import asyncio
import gzip
import re
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks.table import QUIET, Report, percentile
from tests.harness.chromium import BareChromium
from tests.harness.display import Display
from tests.harness.relay import RelayProcess

LANGUAGES = sorted(path.parent.name for path in Path("resources/translations").glob("*/page.json"))
READY = "!!document.querySelector('#field-name') && !document.querySelector('#field-name').closest('[hidden]')"


STATIC = r"""(?:from\s*|import\s*|src=|href=)["']([^"'#]+\.(?:js|css|svg|json))["']"""
LATER = r"""(?:import\(|URL\()["']([^"'#]+\.js)["']"""
"""Modules that are fetched once they are needed, and workers."""


async def weight(url: str, language: str = "en", *, later: bool) -> tuple[float, int]:
    """kB over the wire (gzip) and number of files that are loaded, by following the modules' imports.

    Args:
        url: of the relay.
        language: the page's.
        later: also what is fetched once it is needed: what moves files, with the workers.

    Raises:
        aiohttp.ClientResponseError: if something that is named there is not to be had.
    """
    seen: dict[str, int] = {}
    waiting = ["/join"]
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            async with http.get(url + path, headers={"Accept-Encoding": "gzip"}, raise_for_status=True) as answer:
                body = await answer.read()
                seen[path] = len(body)
                if answer.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
            folder = "/page/" if path == "/join" else path.rsplit("/", 1)[0] + "/"
            text = body.decode("utf-8", "ignore")
            for found in re.findall(STATIC, text) + (re.findall(LATER, text) if later else []):
                target = found if found.startswith("/") else folder + found.removeprefix("./")
                waiting.append(target)
            if path == "/join":
                waiting += ["/page/protocol.json", f"/page/translations/{language}.json"]
    return sum(seen.values()) / 1000, len(seen)


async def measure(runs: int) -> bool:
    """Load the page `runs` times in a fresh Chromium each."""
    report = Report("page")
    times = []
    with tempfile.TemporaryDirectory() as place, Display(1280, 800) as display:
        async with RelayProcess(Path(place) / "relay") as relay:
            kilobytes, files = await weight(relay.url, later=False)
            whole, all_files = max([await weight(relay.url, language, later=True) for language in LANGUAGES])
            for _ in range(runs):
                async with BareChromium(display.environment(), width=1280, height=800) as browser:
                    began = time.perf_counter()
                    await browser.command("Page.navigate", url=f"{relay.url}/join")
                    while not await browser.evaluate(READY):
                        if time.perf_counter() - began > 20:
                            raise TimeoutError("the page did not get ready")
                        await asyncio.sleep(0.01)
                    times.append(time.perf_counter() - began)
    report.add("page_kb", kilobytes, "kB", at_most=120)
    report.add("page_whole_kb", whole, "kB", at_most=120)
    report.add("page_ready_s", percentile(times, 0.5), "s")
    report.note(f"{files} files at first, {all_files} with all that may come later; gzip, cold cache, loopback")
    report.note("ready = the form can be filled in")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")
    return report.finish()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    smoke = parser.parse_args().smoke
    kept = asyncio.run(measure(2 if smoke else 7))
    return 0 if kept or smoke else 1


if __name__ == "__main__":
    sys.exit(main())
