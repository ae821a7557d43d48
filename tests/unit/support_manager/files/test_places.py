"""What is sent and where what comes is put: folders as archives, marks of origin, room."""

import os
import zipfile
from pathlib import Path

import pytest

from support_manager.errors import LocalProblem
from support_manager.files import places
from support_manager.files.book import Entry


def test_a_folder_goes_as_an_archive_without_links_and_the_archive_goes_with_the_transfer(tmp_path):
    folder = tmp_path / "Dosar ș"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.txt").write_text("a")
    (tmp_path / "secret").write_text("not for him")
    (folder / "link").symlink_to(tmp_path / "secret")
    source, entry = places.source_of(folder, "s", "t")
    assert (entry.name, entry.spool, entry.size) == ("Dosar ș.zip", True, source.size)
    with zipfile.ZipFile(entry.path) as archive:
        assert archive.namelist() == ["Dosar ș/in/", "Dosar ș/in/a.txt"]
    places.forget(entry)
    assert not Path(entry.path).exists()


def test_a_file_that_is_sent_is_never_removed(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("mine")
    _, entry = places.source_of(path, "s", "t")
    places.forget(entry)
    assert path.read_text() == "mine"


def test_a_file_that_is_gone_or_was_changed_is_told(tmp_path):
    path = tmp_path / "mine.txt"
    with pytest.raises(LocalProblem, match="file_gone"):
        places.source_of(path, "s", "t")
    path.write_text("mine")
    source, _ = places.source_of(path, "s", "t")
    path.write_text("other and longer")
    with pytest.raises(LocalProblem, match="file_changed"):
        source.check()


def test_no_room_and_no_folder_are_told_before_the_yes(tmp_path):
    with pytest.raises(LocalProblem, match="file_no_room"):
        places.prepare(tmp_path, 2**60)
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalProblem, match="file_folder"):
        places.prepare(tmp_path / "file" / "below", 1)


def test_what_arrived_is_marked_as_foreign_and_never_executable(tmp_path):
    partial = tmp_path / ".t.part"
    partial.write_bytes(b"x")
    partial.chmod(0o600)
    entry = Entry(transfer="t", session_id="s", incoming=True, name="a.sh", path=str(partial), folder=str(tmp_path))
    target = places.settle(entry)
    assert not os.access(target, os.X_OK) or os.stat(target).st_mode & 0o111 == 0
    try:
        assert os.getxattr(target, "user.xdg.origin.url")
    except OSError:
        pytest.skip("this file system takes no such marks")
