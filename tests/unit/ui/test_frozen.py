"""The frozen app hands its library path to nobody."""

import os
import sys

import pytest

from ui.frozen import give_back_library_path


@pytest.fixture
def frozen(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/support-manager/_internal")


def test_library_path_of_the_user_comes_back(frozen, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/usr/local/cuda/lib64")
    give_back_library_path()
    assert os.environ["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64"
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def test_library_path_goes_where_there_was_none(frozen, monkeypatch):
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    give_back_library_path()
    assert "LD_LIBRARY_PATH" not in os.environ


def test_from_sources_nothing_is_touched(monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/cuda/lib64")
    give_back_library_path()
    assert os.environ["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64"
