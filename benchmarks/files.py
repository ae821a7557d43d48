"""How long a file takes between the customer's page and the rep's app, against plain HTTP between Chromium and nginx.

The whole product takes part: relay, the customer's page in Chromium, the real app; sealed from end to end, checked and
written to disk at both ends. The peer is the same Chromium with the same file: `fetch` with `PUT` of a chosen file to
nginx, and an ordinary download from it. A B A B, with a fresh browser each time. Upwards the clock starts with the
rep's yes and ends when the file is checked and has its name; downwards it starts with the customer's click and ends
when the browser's download is complete on the disk. The relay's memory is its highest while files move.
"""

import argparse
import asyncio
import hashlib
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.nginx import Nginx
from benchmarks.peers.probe import cpu_seconds
from benchmarks.peers.viewers import Customer
from benchmarks.table import QUIET, Report
from tests.harness import netns
from tests.harness.app import AppProcess
from tests.harness.display import Display
from tests.harness.relay import RelayProcess

MB = 1_000_000
PATIENCE_S = 300.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the file is and how often it goes each way."""

    size: int = 500 * MB
    rounds: int = 3


@dataclass(slots=True)
class Measured:
    """Seconds of every transfer, each way."""

    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)


def make_file(path: Path, size: int) -> str:
    """A file without any pattern; its SHA-256."""
    found = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(0, size, MB):
            piece = hashlib.shake_128(number.to_bytes(8, "big")).digest(min(MB, size - number))
            file.write(piece)
            found.update(piece)
    return found.hexdigest()


async def choose(customer: Customer, field_id: str, path: Path) -> None:
    """Choose a file in the page, as its dialog would."""
    browser = customer.browser
    root = (await browser.command("DOM.getDocument"))["root"]["nodeId"]
    node = (await browser.command("DOM.querySelector", nodeId=root, selector=f"#{field_id}"))["nodeId"]
    await browser.command("DOM.setFileInputFiles", nodeId=node, files=[str(path)])


async def save_into(customer: Customer, folder: Path) -> None:
    """Have the browser save downloads there without a question."""
    await asyncio.to_thread(folder.mkdir)
    await customer.browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))


async def downloaded(folder: Path, size: int) -> float:
    """Wait until a download is complete; the moment (`time.monotonic()`)."""

    def there() -> bool:
        found = list(folder.iterdir())
        return len(found) == 1 and found[0].suffix != ".crdownload" and found[0].stat().st_size == size

    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(there):  # noqa: ASYNC110 - another process
            await asyncio.sleep(_LOOK_S)
    return time.monotonic()


class Ours:
    """The product: a session of the app's with a customer in a fresh browser.

    Args:
        app: signed in.
        relay: running.
        size: of the file.
    """

    def __init__(self, app: AppProcess, relay: RelayProcess, size: int) -> None:
        self._app = app
        self._relay = relay
        self._size = size
        self.cpu: dict[str, list[float]] = {}
        """Seconds of CPU of app, relay and browser, each way."""
        self._session: dict[str, Any] = {}

    async def meet(self, customer: Customer) -> None:
        """A session, and the customer in it, connected from end to end."""
        known = [session["id"] for session in await self._app.do("sessions")]
        await self._app.do("trigger", name="action_start_session")
        self._session = await self._app.session(lambda one: one["id"] not in known)
        await customer.open(self._session["view"]["link"], "!!document.querySelector('#field-name')")
        await customer.run("void document.querySelector('#field-name').focus()")
        await customer.browser.command("Input.insertText", text="Ana P.")
        await customer.run("document.querySelector('#join-send').click()")
        await customer.until("document.querySelector('#files-send')?.disabled === false")

    async def _newest(self, state: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                # Seldom enough not to be a part of what is measured.
                files = await self._app.do("files", session_id=self._session["id"])
                if files and files[-1]["state"] == state:
                    return dict(files[-1])
                await asyncio.sleep(_LOOK_S)

    async def up(self, customer: Customer, path: Path, digest: str) -> float:
        """Seconds that the file takes to the rep."""
        await choose(customer, "files-input", path)
        offered = await self._newest("offered")
        before = self._cpu(customer)
        began = time.monotonic()
        await self._app.do("file", act="accept", session_id=self._session["id"], file_id=offered["id"])
        done = await self._newest("done")
        took = time.monotonic() - began
        self._note_cpu("up", customer, before)
        if done["digest"] != digest:
            raise OSError("another file arrived at the app")
        await asyncio.to_thread(Path(done["path"]).unlink)
        return took

    async def down(self, customer: Customer, path: Path, digest: str, folder: Path) -> float:
        """Seconds that the file takes to the customer's disk."""
        await self._app.do("offer_files", session_id=self._session["id"], paths=[str(path)])
        await customer.until("document.querySelector('#files-list li:last-child')?.dataset.state === 'offered'")
        before = self._cpu(customer)
        began = time.monotonic()
        await customer.run("document.querySelector('#files-list li:last-child .main').click()")
        took = await downloaded(folder, self._size) - began
        self._note_cpu("down", customer, before)
        await customer.until("document.querySelector('#files-list li:last-child')?.dataset.state === 'done'")
        if (await self._newest("done"))["digest"] != digest:
            raise OSError("another file arrived at the page")
        return took

    def _cpu(self, customer: Customer) -> list[float]:
        return [cpu_seconds(pid) for pid in (self._app.pid, self._relay.pid, customer.browser.pid)]

    def _note_cpu(self, way: str, customer: Customer, before: list[float]) -> None:
        self.cpu[way] = [now - was for now, was in zip(self._cpu(customer), before, strict=True)]

    async def part(self) -> None:
        """End the session."""
        await self._app.do("end", session_id=self._session["id"])


async def ours(product: Ours, display: Display, file: Path, digest: str, folder: Path, into: Measured) -> None:
    """One turn of the product, both ways."""
    async with Customer(display) as customer:
        await save_into(customer, folder)
        await product.meet(customer)
        into.up.append(await product.up(customer, file, digest))
        into.down.append(await product.down(customer, file, digest, folder))
        await product.part()


async def plain(nginx: Nginx, display: Display, file: Path, folder: Path, into: Measured) -> None:
    """One turn of plain HTTP, both ways."""
    size = (await asyncio.to_thread(file.stat)).st_size
    async with Customer(display) as customer:
        await save_into(customer, folder)
        await customer.open(nginx.url, "!!window.upload")
        await choose(customer, "file", file)
        into.up.append(float(await customer.run("window.upload()")))
        began = time.monotonic()
        await customer.run("document.getElementById('down').click()")
        into.down.append(await downloaded(folder, size) - began)
        await asyncio.to_thread((nginx.files / "up").unlink)


def forget_highest(pid: int) -> None:
    """From now on what is the most memory counts anew: signing in needs some for the password (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def highest_mb(pid: int) -> float:
    """The most memory that a process had since then, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / MB


async def run(plan: Plan, report: Report) -> None:
    """The whole measurement, into the report."""
    product, peer = Measured(), Measured()
    turns: list[Ours] = []
    memory: list[float] = []
    with tempfile.TemporaryDirectory(prefix="files-") as name:
        place = Path(name)
        digest = await asyncio.to_thread(make_file, place / "down", plan.size)
        relay = RelayProcess(place / "relay")
        async with relay, Nginx(place / "nginx") as nginx:
            (nginx.files / "down").hardlink_to(place / "down")
            password = await asyncio.to_thread(relay.add_user, "maria", "Maria G.")
            with Display(1280, 800, window_manager=True) as near, Display(1280, 800, window_manager=True) as far:
                environment = {**near.environment(), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
                app = AppProcess(environment, place / "profile", "--relay", relay.url, credentials=("maria", password))
                async with app:
                    await app.until(lambda link: link == "online", "link")
                    await app.do("settings", email_at_start=False, files_folder=str(place / "received"))
                    for turn in range(plan.rounds):
                        forget_highest(relay.pid)
                        turns.append(Ours(app, relay, plan.size))
                        await ours(turns[-1], far, place / "down", digest, place / f"ours-{turn}", product)
                        memory.append(highest_mb(relay.pid))
                        await plain(nginx, far, place / "down", place / f"plain-{turn}", peer)
                        print(
                            f"  turn {turn}: up {product.up[-1]:.2f} s, nginx {peer.up[-1]:.2f} s; "
                            f"down {product.down[-1]:.2f} s, nginx {peer.down[-1]:.2f} s",
                            flush=True,
                        )
    tell(report, plan, product, peer, max(memory))
    report.add("files_down_s", statistics.median(product.down), "s")
    for way in ("up", "down"):
        spent = [statistics.median(found) for found in zip(*(turn.cpu[way] for turn in turns), strict=True)]
        report.note(f"CPU {way}, seconds: app {spent[0]:.2f}, relay {spent[1]:.2f}, Chromium {spent[2]:.2f}")


def tell(report: Report, plan: Plan, product: Measured, peer: Measured, memory: float) -> None:
    """Make figures of the findings; a ratio is that of the medians, ours to the peer's speed."""
    for way, mine, theirs in (("up", product.up, peer.up), ("down", product.down, peer.down)):
        ratio = statistics.median(theirs) / statistics.median(mine)
        report.add(f"files_ratio_{way}", ratio, "", at_least=0.5, aim=0.8)
    report.add("files_relay_mb", memory, "MB", at_most=150)
    for name, found in (("files", product), ("nginx", peer)):
        report.add(f"{name}_up_mb_s", plan.size / MB / statistics.median(found.up), "MB/s")
        report.add(f"{name}_down_mb_s", plan.size / MB / statistics.median(found.down), "MB/s")
    report.note(f"a file of {plan.size // MB} MB, {plan.rounds} times each way; medians")
    if report.load_before[0] > QUIET:
        report.mark_invalid(f"other work on the machine: load {report.load_before[0]:.2f} before the run")


def main() -> int:
    """Measure and print; 0 if every promise is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that it works")
    parser.add_argument("--megabytes", type=int, help="how large the file is, to look at a change quickly")
    options = parser.parse_args()
    plan = Plan(size=100 * MB, rounds=1) if options.smoke else Plan()
    if options.megabytes:
        plan = Plan(size=options.megabytes * MB, rounds=plan.rounds)
    if not netns.inside():
        netns.enter()
    report = Report("files")
    asyncio.run(run(plan, report))
    kept = report.finish()
    return 0 if kept or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
