"""Every rule of docs/behaviour.md is carried by a test or stands in the list of open ones, and never both."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def rule_ids() -> list[str]:
    return re.findall(
        r"^- \*\*(B-\d+\.\d+)\*\*", (ROOT / "docs/behaviour.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def open_ids() -> dict[str, str]:
    """Open rule → what is missing: empty for all of it, else `partly: …`."""
    lines = (ROOT / "docs/open_rules.txt").read_text(encoding="utf-8").splitlines()
    return {rule: missing for rule, _, missing in (line.partition(" ") for line in lines)}


def carried_ids() -> dict[str, list[str]]:
    """Rule id → the test files that carry it, by `@pytest.mark.rule(…)`."""
    carried: dict[str, list[str]] = {}
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rule":
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        carried.setdefault(argument.value, []).append(path.name)
    # The page's own tests name the rules in their titles: test("B-2.4 …").
    for path in (ROOT / "tests").rglob("*.mjs"):
        if "node_modules" not in path.parts:
            for rule in re.findall(r"""["'`](B-\d+\.\d+)[ :]""", path.read_text(encoding="utf-8")):
                carried.setdefault(rule, []).append(path.name)
    return carried


def test_rules_are_numbered_once_and_in_order():
    ids = [tuple(map(int, rule[2:].split("."))) for rule in rule_ids()]
    assert ids == sorted(set(ids))
    assert len(ids) == 64


def test_every_rule_is_carried_or_open():
    silent = set(rule_ids()) - set(carried_ids()) - set(open_ids())
    assert not silent, f"neither a test nor an open entry: {sorted(silent)}"


def test_open_rules_say_how_far_they_are_carried():
    carried = set(carried_ids())
    for rule, missing in open_ids().items():
        if missing:
            assert missing.startswith("partly: "), rule
            assert rule in carried, f"{rule} is said to be carried partly"
        else:
            assert rule not in carried, f"{rule} is carried: say what is missing, or take it off the list"


def test_tests_carry_only_rules_that_exist():
    assert set(carried_ids()) <= set(rule_ids())
    assert set(open_ids()) <= set(rule_ids())
