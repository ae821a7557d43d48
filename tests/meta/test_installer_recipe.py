"""The installer's recipe: every package of ours is in it, and what was ruled out stays out."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "build_installer.spec").read_text(encoding="utf-8")
TREE = ast.parse(RECIPE)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def calls(name):
    """Every call of the function `name` in the recipe."""
    return [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def assigned(name):
    """The text of what the recipe assigns to `name`."""
    (found,) = [
        node.value
        for node in ast.walk(TREE)
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]
    ]
    return ast.unparse(found)


def keyword(call, name):
    (found,) = [entry.value for entry in call.keywords if entry.arg == name]
    return ast.literal_eval(found)


@pytest.mark.parametrize(
    ("program", "package"),
    [
        ("app_imports", "support_manager"),
        ("app_imports", "ui"),
        ("relay_imports", "support_manager.protocol"),
        ("relay_imports", "server_stub"),
    ],
)
def test_programs_bring_all_modules_of(program, package):
    assert f"collect_submodules('{package}')" in assigned(program)


def test_every_package_of_the_project_is_frozen():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    collected = {
        ast.literal_eval(call.args[0]) for call in (*calls("collect_submodules"), *calls("collect_data_files"))
    }
    assert packages == {name.partition(".")[0] for name in collected}


def test_migrations_are_files_of_the_relay():
    assert (ROOT / "server_stub" / "store" / "migrations" / "env.py").is_file()
    assert "migrations/**/*.py" in assigned("relay_data")


def test_each_script_has_its_program():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert {ast.literal_eval(assigned("NAME")), ast.literal_eval(assigned("RELAY"))} == set(scripts)


def test_one_folder_without_upx():
    assert calls("COLLECT"), "one-dir: the files lie beside the program"
    for call in calls("EXE"):
        assert keyword(call, "exclude_binaries") is True
    for call in (*calls("EXE"), *calls("COLLECT")):
        assert keyword(call, "upx") is False


@pytest.mark.parametrize("name", ["WebEngineCore", "WebEngineWidgets", "Qml", "Quick", "Pdf", "Sql"])
def test_big_parts_of_qt_stay_out(name):
    assert name in assigned("UNUSED_QT").replace("'", " ").replace("\\n", " ").split()


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", True),
        ("PySide6/Qt/plugins/platforms/libqwayland.so", True),
        ("PySide6/Qt/plugins/imageformats/libqsvg.so", True),
        ("PySide6/Qt/plugins/iconengines/libqsvgicon.so", True),
        ("PySide6/plugins/platforms/qwindows.dll", True),
        ("PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.so", False),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", False),
        ("PySide6/Qt/plugins/imageformats/libqpdf.so", False),
    ],
)
def test_plugins_of_qt(place, kept):
    pattern = ast.parse(assigned("QT_PLUGINS"), mode="eval").body.args[0]
    assert bool(re.search(ast.literal_eval(pattern), place)) is kept


def test_the_windows_do_not_load_the_relay():
    programs = [ast.unparse(call) for call in calls("analyse")]
    assert any("ui/__main__.py" in call and "'server_stub'" in call for call in programs)
    assert {"'PySide6'", "'av'", "'aiortc'", "'ui'"} <= set(re.findall(r"'\w+'", assigned("UNUSED_IN_RELAY")))


def test_building_stays_inside_build():
    recipe = MAKEFILE.partition("\ninstaller:")[2].partition("\nclean:")[0]
    for word in ("--distpath build/", "--workpath build/", "PYINSTALLER_CONFIG_DIR=build/"):
        assert word in recipe
    assert "--onefile" not in recipe
    assert "tools.try_installer" in recipe
