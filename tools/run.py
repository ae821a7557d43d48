"""`make run`: a relay on this machine and the app signed in to it; without a display, the guided tour."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "run"
LOG = PLACE / "relay.log"
ACCOUNT = "rep"


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def tour() -> int:
    """Run the guided tour in a network namespace of its own."""
    say("There is no display here, so this is the guided tour on a virtual screen.")
    return subprocess.run(
        [sys.executable, "-m", "tests.harness.netns", "--", sys.executable, "-m", "tools.demo"], cwd=ROOT, check=False
    ).returncode


def start_relay(data: Path) -> tuple[subprocess.Popen[str], str]:
    """Start the relay on a free port of this machine; returns it and its address.

    Raises:
        SystemExit: when it does not start, with what it said.
    """
    with LOG.open("w", encoding="utf-8") as log:
        relay = subprocess.Popen(
            [sys.executable, "-m", "server_stub", "serve", "--data", str(data), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            # Ctrl+C is for this program alone, which then ends the others in order.
            start_new_session=True,
        )
    line = relay.stdout.readline() if relay.stdout else ""
    try:
        return relay, str(json.loads(line)["url"])
    except (ValueError, KeyError):
        relay.kill()
        sys.exit("The relay did not start:\n" + LOG.read_text(encoding="utf-8"))


def main() -> int:
    """Bring everything up, wait for the app to be closed, stop the relay."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return tour()
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
    # A closed terminal or a `kill` ends everything in order too, as Ctrl+C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    relay, url = start_relay(data)
    say(f"Relay:    {url}")
    say(f"Account:  {ACCOUNT}   password: {password}")
    say(f"Log:      {LOG.relative_to(ROOT)}")
    say("The app opens, signed in. Press Start, and open the link it shows in a browser to be your own customer.")
    say("Closing the app, or Ctrl+C here, ends everything.")
    command = [sys.executable, "-m", "ui", "--relay", url, "--profile", str(PLACE / "profile"), "--sign-in-from-stdin"]
    app = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    try:
        if app.stdin:
            app.stdin.write(json.dumps({"name": ACCOUNT, "password": password}) + "\n")
            app.stdin.close()
        return app.wait()
    except KeyboardInterrupt:
        app.send_signal(signal.SIGTERM)
        app.wait()
        return 0
    finally:
        relay.terminate()
        try:
            relay.wait(10)
        except subprocess.TimeoutExpired:
            relay.kill()


if __name__ == "__main__":
    sys.exit(main())
