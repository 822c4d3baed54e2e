"""The mutants of a module: the module with one small thing changed inside one function.

The changes are those of mutmut, and one more: the condition of an `if` that never holds, or always. Left alone, for no
decision depends on them, are docstrings, annotations, assertions for the type checker, sentences for people, and the
case of a string (that it is another string is tried).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[2]
LEFT_ALONE = (cst.Annotation, cst.Assert, cst.FormattedStringText)
#: Without its argument either fails whatever it is called for.
SELF_EVIDENT = {"len", "isinstance"}


@dataclass(frozen=True)
class Mutant:
    """One change to one function. `lines` are those of the statement it is in."""

    module: str
    function: str
    starts_at: int
    lines: range
    change: str
    source: str

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is known by in the list of survivors, which does not depend on line numbers."""
        return self.module, self.function, self.change

    @cached_property
    def code(self) -> CodeType:
        """The changed function, compiled."""
        module = compile(self.source, str(ROOT / self.module), "exec", dont_inherit=True)
        [found] = [
            code
            for code in _codes(module)
            if (code.co_qualname, code.co_firstlineno) == (self.function, self.starts_at)
        ]
        return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def mutants_of(module: str) -> list[Mutant]:
    """Return every mutant of the module at that path, in the order of its lines."""
    text = (ROOT / module).read_text()
    return list(_Mutating(module, text).mutants())


class _Mutating:
    def __init__(self, module: str, text: str) -> None:
        self.path, self.text = module, text
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.module = wrapper.module
        #: Where nodes begin and end with their parentheses and spaces, to replace them; and without, to name lines.
        self.whole, self.bare = wrapper.resolve(WhitespaceInclusivePositionProvider), wrapper.resolve(PositionProvider)
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def mutants(self) -> Iterator[Mutant]:
        for name, function in _functions(self.module.body, ""):
            starts_at = self._lines([*function.decorators, function][0]).start
            seen = {self.text}
            for node, changed, lines in self._changes(function.body, self._lines(function)):
                source, change = self._spliced(node, changed)
                if source not in seen:
                    seen.add(source)
                    yield Mutant(self.path, name, starts_at, lines, change, source)

    def _lines(self, node: cst.CSTNode) -> range:
        place = self.bare[node]
        return range(place.start.line, place.end.line + 1)

    def _changes(self, node: cst.CSTNode, lines: range) -> Iterator[tuple[cst.CSTNode, cst.CSTNode, range]]:
        """Yield (part, what it becomes, lines of the statement around it) for the node and all within it."""
        if _is_left_alone(node):
            return
        if isinstance(node, cst.SimpleStatementLine):
            lines = self._lines(node)
        if isinstance(node, cst.If | cst.CompIf):
            yield from ((node.test, changed, lines) for changed in _never_and_always(node.test))
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                changed = list(operator(node))
                # The first change to a string makes it another one; the others are of its case.
                changed = changed[:1] if isinstance(node, cst.SimpleString) else changed
                yield from ((node, one, lines) for one in changed if not _loses_a_sentence(node, one))
        for child in node.children:
            yield from self._changes(child, lines)

    def _spliced(self, node: cst.CSTNode, changed: cst.CSTNode) -> tuple[str, str]:
        """Return the text of the module with the changed node, and the lines that differ in words."""
        place = self.whole[node]
        start = self.starts[place.start.line - 1] + place.start.column
        end = self.starts[place.end.line - 1] + place.end.column
        source = self.text[:start] + self.module.code_for_node(changed) + self.text[end:]
        before, after = self.text.splitlines(), source.splitlines()
        differing = [one for one in SequenceMatcher(None, before, after, False).get_opcodes() if one[0] != "equal"]
        was = " ".join(line.strip() for _, first, last, _, _ in differing for line in before[first:last])
        now = " ".join(line.strip() for _, _, _, first, last in differing for line in after[first:last])
        return source, f"{was} => {now}"


def _functions(body: Any, within: str) -> Iterator[tuple[str, cst.FunctionDef]]:
    for statement in body:
        if isinstance(statement, cst.FunctionDef):
            yield within + statement.name.value, statement
        elif isinstance(statement, cst.ClassDef):
            yield from _functions(statement.body.body, f"{within}{statement.name.value}.")


def _never_and_always(condition: Any) -> Iterator[cst.CSTNode]:
    within = condition if condition.lpar else _parenthesized(condition)
    for operator, literal in ((cst.And(), "False"), (cst.Or(), "True")):
        yield _parenthesized(cst.BooleanOperation(within, operator, cst.Name(literal)))


def _parenthesized(node: Any) -> Any:
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _is_left_alone(node: cst.CSTNode) -> bool:
    return isinstance(node, LEFT_ALONE) or _is_docstring(node) or _is_sentence(node) or _is_self_evident(node)


def _is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString | cst.ConcatenatedString)


def _is_sentence(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString) and " " in node.value


def _is_self_evident(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in SELF_EVIDENT


def _loses_a_sentence(node: cst.CSTNode, changed: cst.CSTNode) -> bool:
    """Whether the change only takes a sentence for people out of a call."""
    if not (isinstance(node, cst.Call) and isinstance(changed, cst.Call)):
        return False
    kept = {id(argument.value) for argument in changed.args}
    lost = [argument.value for argument in node.args if id(argument.value) not in kept]
    return any(isinstance(one, cst.FormattedString) or _is_sentence(one) for one in lost)
