"""The test network itself: an address to offer, a far host, a cable that can be cut."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import netns

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")

FAR = """
import socket, subprocess, sys
from tests.harness.netns import SecondHost
host = SecondHost()
listening = socket.create_server((host.near_address, 0))
listening.settimeout(5)
def reach(timeout):
    code = f"import socket; socket.create_connection(('{host.near_address}', {listening.getsockname()[1]}), {timeout})"
    done = subprocess.run([*host.prefix(), sys.executable, "-c", code], capture_output=True)
    return done.returncode == 0
answers = [reach(5)]
host.cut()
answers.append(reach(0.3))
host.mend()
answers.append(reach(5))
host.close()
print(answers)
"""


def inside(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.netns", "--", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_namespace_has_one_real_address_and_a_default_route():
    assert netns.ADDRESS in inside("ip", "-4", "-brief", "address", "show", "up")
    assert netns.DEVICE in inside("ip", "route", "get", "203.0.113.1")


def test_nothing_of_it_is_seen_outside():
    inside("true")
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    if not netns.inside():
        assert netns.DEVICE not in links


def test_exit_codes_pass_through():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        inside("sh", "-c", "exit 7")
    assert caught.value.returncode == 7


def test_a_second_host_is_reached_until_the_cable_is_cut():
    assert inside(sys.executable, "-c", FAR).strip() == "[True, False, True]"
