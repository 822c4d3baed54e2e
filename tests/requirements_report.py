"""Which tests prove which requirement: `make requirements`, and with STRICT=1 it fails on one that has none."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"^\| ([A-Z]+-\d+) \|", re.MULTILINE)


def numbers() -> list[str]:
    """Return every requirement number of docs/requirements.md, in its order."""
    return NUMBER.findall((ROOT / "docs" / "requirements.md").read_text(encoding="utf-8"))


def carried(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (requirement, test) for the marks of one test file; a mark on a class or module counts for its tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    shared = [mark for node in tree.body if _is_pytestmark(node) for mark in _marks(node)]
    yield from _walk(tree, path.relative_to(ROOT).as_posix(), shared)


def _walk(parent: ast.AST, where: str, inherited: list[str]) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            marks = [mark for decorator in node.decorator_list for mark in _marks(decorator)]
            yield from _walk(node, f"{where}::{node.name}", inherited + marks)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            marks = [mark for decorator in node.decorator_list for mark in _marks(decorator)]
            for mark in {*inherited, *marks}:
                yield mark, f"{where}::{node.name}"


def _is_pytestmark(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "pytestmark" for target in node.targets)


def _marks(node: ast.AST) -> list[str]:
    return [
        str(call.args[0].value)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") == "requirement"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]


def main() -> int:
    """Print the report; return 1 for a mark that names no requirement, or with STRICT=1 for one without a test."""
    proofs: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number, test in carried(path):
            proofs[number].append(test)
    known = numbers()
    for number in known:
        tests = proofs.get(number, [])
        print(f"{number:10} {len(tests):4} {'tests' if tests else 'no test yet'}")
        if os.environ.get("VERBOSE"):
            for test in tests:
                print(f"             {test}")
    missing = [number for number in known if number not in proofs]
    unknown = sorted(set(proofs) - set(known))
    print(f"\n{len(known) - len(missing)} of {len(known)} requirements carry a test.")
    if unknown:
        print(f"Marks that name no requirement: {', '.join(unknown)}")
        return 1
    return 1 if missing and os.environ.get("STRICT") == "1" else 0


if __name__ == "__main__":
    sys.exit(main())
