"""What trainers and checks say while they work, in English: gathered here from the source, to be translated.

A refusal, a failure, a hint is an f-string: `f"in turn {place}, {bad}"`. Its pattern, “in turn {place}, {bad}”, is what
the catalogs translate, and by which `training_methods.sentences` knows a sentence again when a page shows it.

Looked for is what is raised, or handed to whoever tells it (`SPEAKERS`), and from there what it is made of: the
variables, constants and functions that it names.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import training_jobs
import training_methods
from deepext.source_code import Place, SourceCode
from deepext.trainer_words import marked

LIST = Path(training_methods.__file__).parent / "gathered_sentences.py"
HEAD = '''"""Written by `manage.py gather_words`: the patterns of what trainers and checks say."""

from django.utils.translation import gettext_noop

SENTENCES = [
'''
SPEAKERS = {"BadRow", "Broken", "Check", "Failed", "Failure", "Survey", "TrainingError", "Trouble", "Unreadable"}
TELLING = {"add_problem", "fail", "note"}
TOLD = {
    "training_jobs.previews.in_child",
    "training_jobs.talking_child.complaint",
    "training_methods.trainers.result.check",
}  # functions whose answer is passed on as it is
SAID = {"problem", "refusal", "said"}  # attributes and keywords
UNSAID = {"at", "cause", "changes", "evidence", "file", "line", "name", "number", "traceback"}  # keywords
WORDS = ("Row {number}", "line", "loss", "row", "text")
"""Filled in by themselves; a single word is no sentence else."""
OF_PYTHON = (
    "Expecting value",
    "Expecting ',' delimiter",
    "Expecting ':' delimiter",
    "Expecting property name enclosed in double quotes",
    "Extra data",
    "Illegal trailing comma before end of array",
    "Illegal trailing comma before end of object",
    "Invalid control character",
    "Invalid control character at",
    "Invalid \\escape",
    "Unterminated string starting",
    "Unterminated string starting at",
    "line {line} column {column} (char {char})",
)
"""What the module json has against a text: “it is not JSON: Expecting value at column 3”."""

WORD = re.compile(r"[“(]*[A-Za-z][A-Za-z'-]*[”).,:;?!]*")
FIELD = re.compile(r"\{\w+\}|%\(\w+\)[sd]|%[sd]")


def gathered() -> list[str]:
    """Each once, in the order of the alphabet."""
    found = {pattern.strip() for pattern in Speech(sources()).patterns() if says_something(pattern)}
    return sorted(found | {*WORDS, *OF_PYTHON})


def as_python() -> str:
    return HEAD + "".join(f"    {marked(pattern)},\n" for pattern in gathered()) + "]\n"


def says_something(pattern: str) -> bool:
    """Two words at least, beside what is filled in."""
    return sum(bool(WORD.fullmatch(one)) for one in FIELD.sub("", pattern).split()) > 1


def sources() -> SourceCode:
    packages = [Path(package.__file__ or "").parent for package in (training_methods, training_jobs)]
    files = [file for package in packages for file in sorted(package.rglob("*.py"))]
    spoken = [file for file in files if file != LIST and not {"migrations", "management", "scripts"} & {*file.parts}]
    return SourceCode(packages[0].parent, spoken)


class Speech:
    """All that is said in the source."""

    def __init__(self, source: SourceCode) -> None:
        self.source = source
        self.seen: set[int] = set()

    def patterns(self) -> Iterator[str]:
        for module in self.source.modules.values():
            for place in module.places:
                for said in self.roots(place):
                    yield from self.followed(said, place)

    def roots(self, place: Place) -> Iterator[ast.expr]:
        """Where somebody says something."""
        is_trainer = place.name.startswith("training_methods.trainers.")
        for node in place.nodes:
            match node:
                case ast.Raise(exc=ast.Call() as call) if is_trainer:
                    yield from arguments(call)
                case ast.Call() if self.speaks(node, place):
                    yield from arguments(node)
                case ast.keyword(arg=arg, value=value) if arg in SAID:
                    yield value
                case ast.Assign(targets=[ast.Attribute(attr=attr)], value=value) if attr in SAID:
                    yield value
                case ast.Dict(keys=[ast.Constant(value="message"), *_], values=[value, *_]):
                    yield value
                case ast.Yield(value=ast.Tuple(elts=[_, sentence])) if is_trainer:
                    yield sentence
                case ast.Return(value=ast.expr() as value) if place.name in TOLD:
                    yield value

    def speaks(self, call: ast.Call, place: Place) -> bool:
        """Whether it calls one of the speakers, or a function that returns one."""
        called = self.source.called(call, place)
        returned = (
            ast.unparse(called.function.returns) if called and called.function and called.function.returns else ""
        )
        return last_name(call.func) in SPEAKERS | TELLING or returned in SPEAKERS

    def followed(self, said: ast.expr, place: Place) -> Iterator[str]:
        """The patterns of an expression and of all that it names."""
        waiting: list[tuple[ast.AST, Place]] = [(said, place)]
        while waiting:
            node, place = waiting.pop()
            if id(node) in self.seen:
                continue
            self.seen.add(id(node))
            if is_partly_text(node):
                yield from self.alternatives(node, place)
            waiting += self.parts_of(node, place)
            waiting += self.source.values(node, place)
            if called := self.source.called(node, place):
                waiting += [(one, called) for one in called.given_back()]

    def alternatives(self, node: ast.AST, place: Place) -> list[str]:
        """The patterns that an expression of text may come to."""
        match node:
            case ast.Constant(value=str() as text):
                return [text if FIELD.search(text) else escaped(text)]
            case ast.JoinedStr(values=values):
                return joined([self.in_f_string(one, place) for one in values])
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return joined([self.alternatives(left, place), self.alternatives(right, place)])
            case ast.IfExp(body=body, orelse=orelse):
                return self.alternatives(body, place) + self.alternatives(orelse, place)
        return ["{" + self.field(node, place) + "}"]

    def in_f_string(self, node: ast.expr, place: Place) -> list[str]:
        if isinstance(node, ast.Constant):
            return [escaped(str(node.value))]
        assert isinstance(node, ast.FormattedValue)
        return self.written_out(node.value, place) or ["{" + self.field(node.value, place) + "}"]

    def written_out(self, node: ast.expr, place: Place) -> list[str]:
        """A value that is one of a few texts gives a pattern for each of them."""
        return [text for value, there in self.choices(node, place) for text in self.alternatives(value, there)]

    def choices(self, node: ast.expr, place: Place) -> list[tuple[ast.expr, Place]]:
        given = self.source.values(node.value if isinstance(node, ast.Subscript) else node, place) or [(node, place)]
        if isinstance(node, ast.Subscript):
            given = [(one, there) for value, there in given if isinstance(value, ast.Dict) for one in value.values]
        return given if all(is_partly_text(value) for value, _ in given) else []

    def parts_of(self, node: ast.AST, place: Place) -> list[tuple[ast.AST, Place]]:
        """What else an expression says, beside the text that it is."""
        if not isinstance(node, ast.JoinedStr):
            return [(one, place) for one in parts(node)]
        filled_in = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
        chosen = {value: self.choices(value, place) for value in filled_in}
        others = [(value, place) for value, found in chosen.items() if not found]
        return others + [(one, there) for found in chosen.values() for value, there in found for one in parts(value)]

    def field(self, node: ast.AST, place: Place) -> str:
        """What the placeholder of an expression is called."""
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name.strip("_").lower()
            case ast.Subscript(value=value) | ast.BinOp(left=value) | ast.BoolOp(values=[value, *_]):
                return self.field(value, place)
            case ast.Call(func=func) if self.source.called(node, place) or not node.args:
                return self.field(func, place)
            case ast.Call(args=[first, *_]):
                return self.field(first, place)
            case ast.GeneratorExp(generators=[ast.comprehension(iter=source)]):
                return self.field(source, place)
        return "value"


def arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(one.value for one in call.keywords if one.arg not in UNSAID)]


def parts(node: ast.AST) -> list[ast.AST]:
    """What of an expression may be said: no condition, no place in a list, no part of a text."""
    match node:
        case ast.Compare() | ast.Constant() | ast.Lambda() | ast.Starred():
            return []
        case ast.BinOp(op=ast.Add(), left=left, right=right) if is_text(node):
            return [one for side in (left, right) for one in (parts(side) if is_text(side) else [side])]
        case ast.IfExp(body=body, orelse=orelse):
            return [one for side in (body, orelse) for one in (parts(side) if is_text(side) else [side])]
        case ast.Subscript(value=value) | ast.comprehension(iter=value):
            return [value]
        case ast.Dict(values=values):
            return list(values)
        case ast.JoinedStr(values=values):
            return [one.value for one in values if isinstance(one, ast.FormattedValue)]
        case ast.Call():
            return [node.func, *arguments(node)]
    return list(ast.iter_child_nodes(node))


def is_text(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return is_text(left) or is_text(right)
    return isinstance(node, ast.JoinedStr)


def is_partly_text(node: ast.AST) -> bool:
    return is_text(node) or (isinstance(node, ast.IfExp) and (is_partly_text(node.body) or is_partly_text(node.orelse)))


def last_name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def joined(parts: list[list[str]]) -> list[str]:
    """Every combination; a name that comes up again is numbered."""
    return [numbered("".join(chosen)) for chosen in product(*parts)]


def numbered(pattern: str) -> str:
    counts: dict[str, int] = defaultdict(int)

    def name(found: re.Match[str]) -> str:
        counts[found[1]] += 1
        return found[0] if counts[found[1]] == 1 else "{" + f"{found[1]}_{counts[found[1]]}" + "}"

    return re.sub(r"(?<!\{)\{(\w+)\}", name, pattern)
