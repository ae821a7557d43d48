"""`make run`: a relay on this machine and the app signed in to it; without a display, the guided tour."""

import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "run"
LOG = PLACE / "relay.log"
ACCOUNT = "rep"
LEFT_OPEN_S = 600


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def tour() -> int:
    """Run the guided tour in a network namespace of its own."""
    say("There is no display here, so this is the guided tour on a virtual screen.")
    return subprocess.run(
        [sys.executable, "-m", "tests.harness.netns", "--", sys.executable, "-m", "tools.demo"], cwd=ROOT, check=False
    ).returncode


def end(process: subprocess.Popen[str]) -> None:
    """Ask a program to end, and see to it."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def start(stack: ExitStack, words: list[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's own
    """Start a program that ends with `stack`. Ctrl+C does not reach it: this program ends the others, in order."""
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(command, text=True, cwd=ROOT, start_new_session=True, **options)
    stack.callback(end, process)
    return process


def start_relay(stack: ExitStack, data: Path) -> str:
    """Start the relay on a free port of this machine; returns its address.

    Raises:
        SystemExit: when it does not start, with what it said.
    """
    words = ["server_stub", "serve", "--data", str(data), "--port", "0"]
    with LOG.open("w", encoding="utf-8") as log:
        relay = start(stack, words, stdout=subprocess.PIPE, stderr=log)
    line = relay.stdout.readline() if relay.stdout else ""
    try:
        return str(json.loads(line)["url"])
    except (ValueError, KeyError):
        sys.exit("The relay did not start:\n" + LOG.read_text(encoding="utf-8"))


def bring_up(stack: ExitStack) -> int:
    """Make the account, start relay and app, and wait for the app to be closed."""
    # A fresh centre every time: the password is random and nowhere kept, so an old account would be of no use.
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    data = PLACE / "relay"
    password = secrets.token_urlsafe(12)
    subprocess.run(
        [
            *(sys.executable, "-m", "server_stub", "user", "add", ACCOUNT),
            *("--data", str(data), "--display-name", "Rep", "--password-stdin"),
        ],
        input=password + "\n",
        text=True,
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = start_relay(stack, data)
    say(f"Relay:    {url}")
    say(f"Account:  {ACCOUNT}   password: {password}")
    say(f"Log:      {LOG.relative_to(ROOT)}")
    say("The app opens, signed in. Press Start, and open the link it shows in a browser to be your own customer.")
    say("Closing the app ends everything, unless a session is left open; so does Ctrl+C here.")
    words = ["ui", "--relay", url, "--profile", str(PLACE / "profile"), "--sign-in-from-stdin"]
    while True:
        app = start(stack, words, stdin=subprocess.PIPE)
        if app.stdin:
            app.stdin.write(json.dumps({"name": ACCOUNT, "password": password}) + "\n")
            app.stdin.close()
        code = app.wait()
        # Who quits and leaves a session open was told that it stays, and can be taken up again.
        if not (sys.stdin.isatty() and left_open(url) and goes_on()):
            return code


def left_open(url: str) -> int:
    """How many sessions the relay has."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return int(json.load(answer)["value"]["sessions"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def goes_on() -> bool:
    """Ask whether the app is to be opened again; what was left open ends after `LEFT_OPEN_S` in any case."""
    say("A session was left open and stays for 10 minutes. Enter opens the app again, Ctrl+C ends everything.")
    asked, _, _ = select.select([sys.stdin], [], [], LEFT_OPEN_S)
    return bool(asked and sys.stdin.readline())


def main() -> int:
    """Bring everything up; end it with the app, with Ctrl+C, or with the terminal."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return tour()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        return bring_up(stack)
    return 0


if __name__ == "__main__":
    sys.exit(main())
