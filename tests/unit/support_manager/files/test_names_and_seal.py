"""File names from strangers land inside the folder; what is sealed for one place opens nowhere else."""

import hashlib
import os
import secrets
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_manager.files.names import FALLBACK, place, safe_name
from support_manager.files.seal import CHUNK, ContentSeal, KeyPair, Meta, SealError, Secret, open_meta, seal_meta

CORPUS = [
    "../x",
    "..\\x",
    "/etc/x",
    "C:\\x",
    "\\\\host\\s",
    "a\0b",
    "CON",
    "con.txt",
    "NUL.tar.gz",
    "COM1",
    "lpt\u00b2.doc",
    "a:ads",
    "file.txt::$DATA",
    "trailing. ",
    "...",
    "..",
    ".",
    "",
    " ",
    "x" * 5_000,
    "ș" * 5_000 + ".pdf",
    "invoice\u202efdp.exe",
    "a\u200fb",
    ".bashrc",
    "a\nb\rc\x1b[31m",
    "x." + "y" * 300,
    "\ud800lone",
    "<img src=x>",
    "a/b/../../c",
]


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("told", CORPUS)
def test_whatever_it_is_called_it_lands_inside_and_replaces_nothing(tmp_path, told):
    folder = tmp_path / "in"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("mine")
    name = safe_name(told)
    (folder / name).symlink_to(outside)  # somebody waits there already, with a link that leads out
    partial = folder / ".partial"
    partial.write_text("new")
    target = place(partial, folder, told)
    assert target.parent == folder
    assert target.resolve().parent == folder.resolve()
    assert target.read_text() == "new"
    assert outside.read_text() == "mine"
    assert not partial.exists()
    assert len(os.fsencode(target.name)) <= 255


@given(st.text(st.characters(), max_size=400))
def test_any_name_at_all_is_made_usable(told):
    name = safe_name(told)
    assert name
    assert name not in (".", "..")
    assert not set(name) & set('/\\:*?"<>|\0')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 255
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name)


def test_a_plain_name_stays_as_it_is():
    assert safe_name("Raport ședință 2026.pdf") == "Raport ședință 2026.pdf"
    assert safe_name("...") == FALLBACK


def secret(weak=False):
    return Secret(secrets.token_bytes(32), weak)


def test_chunks_open_in_their_own_place_only():
    key, size = secret(), 2 * CHUNK + 5
    one, other = ContentSeal(key, "transfer-one", size), ContentSeal(key, "transfer-two", size)
    plain = [os.urandom(one.plain_size(index)) for index in range(one.chunks)]
    sealed = [one.seal(index, chunk) for index, chunk in enumerate(plain)]
    assert sum(map(len, sealed)) == one.length
    assert [one.open(index, chunk) for index, chunk in enumerate(sealed)] == plain
    with pytest.raises(SealError):
        one.open(1, sealed[0])  # swapped, or repeated
    with pytest.raises(SealError):
        other.open(0, sealed[0])  # of another transfer
    with pytest.raises(SealError):
        one.open(2, sealed[2][:-1])  # cut
    with pytest.raises(SealError):
        one.open(0, bytes([sealed[0][0] ^ 1]) + sealed[0][1:])
    with pytest.raises(SealError):
        ContentSeal(key, "transfer-one", CHUNK - 32).open(0, sealed[0])  # not the last, where the last is due


def test_names_are_for_the_other_end_only():
    key, meta = secret(), Meta(name="salarii.xlsx", type="application/zip")
    sealed = seal_meta(key, "transfer-one", meta)
    assert "salarii" not in sealed
    assert open_meta(key, "transfer-one", sealed) == meta
    for wrong, transfer in ((secret(), "transfer-one"), (key, "transfer-two")):
        with pytest.raises(SealError):
            open_meta(wrong, transfer, sealed)


def test_two_keys_make_one_secret_marked_as_weak_and_a_wrong_one_is_refused():
    ana, rep = KeyPair(), KeyPair()
    assert ana.agree(rep.public) == rep.agree(ana.public)
    assert ana.agree(rep.public).weak
    assert ana.agree(rep.public).key_id.startswith("e")
    assert hashlib.sha256(ana.agree(rep.public).value).hexdigest() not in ana.agree(rep.public).key_id
    for wrong in ("A" * 87, "", "not a key"):
        with pytest.raises(SealError):
            ana.agree(wrong)
