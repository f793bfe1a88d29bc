"""Small changes that can be planted in the code, and a draw of some of them at random."""

import ast
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPERATORS = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"), ast.Pow: ("**", "*"), ast.Mod: ("%", "//"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: `old` at the offset `start` of a file becomes `new`."""

    file: str
    start: int
    old: str
    new: str
    line: int
    function: str

    def __str__(self) -> str:
        """Return where it is, and the change."""
        return f"{self.file}:{self.line} {self.function}: {brief(self.old)} -> {brief(self.new)}"


def brief(code: str) -> str:
    """Return code in one line of at most 60 characters."""
    line = " ".join(code.split())
    return line if len(line) <= 60 else line[:57] + "..."


def room_of(file: str) -> str:
    """Return the room that a file belongs to."""
    parts = Path(file).parts
    if parts[0] != "vaedyn":
        return parts[0]
    if parts[1] == "kernels":
        return "kernels"
    return "figures" if parts[1].startswith(("figures", "style", "plot")) else "science"


class Finder(ast.NodeVisitor):
    """Collects all changes that can be planted in one file."""

    def __init__(self, file: str, text: str) -> None:
        """Read a file."""
        self.file, self.text, self.found = file, text, []
        self.starts = [0]
        for line in text.encode().splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.bytes = text.encode()
        self.names: list[str] = []
        self.visit(ast.parse(text))

    def span(self, node) -> tuple[int, int]:
        """Return the offsets of both ends of a node."""
        first = self.starts[node.lineno - 1] + node.col_offset
        return first, self.starts[node.end_lineno - 1] + node.end_col_offset

    def code(self, node) -> str:
        """Return the text of a node."""
        first, last = self.span(node)
        return self.bytes[first:last].decode()

    def add(self, first: int, last: int, new: str) -> None:
        """Note a change of the text between two offsets."""
        line = self.bytes.count(b"\n", 0, first) + 1
        old = self.bytes[first:last].decode()
        where = ".".join(self.names)
        self.found.append(Mutant(self.file, first, old, new, line, where))

    def between(self, left, right, operator) -> None:
        """Replace the operator between two nodes."""
        if type(operator) not in OPERATORS:
            return
        old, new = OPERATORS[type(operator)]
        first, last = self.span(left)[1], self.span(right)[0]
        gap = self.bytes[first:last].decode()
        at = gap.find(old)
        if at >= 0 and "#" not in gap:
            self.add(first + at, first + at + len(old), new)

    def scope(self, node) -> None:
        """Visit what stands in a function or a class: not decorators, annotations, docstrings."""
        self.names.append(node.name)
        if not isinstance(node, ast.ClassDef):
            for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
                self.visit(default)
        for child in node.body:
            self.visit(child)
        self.names.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = scope  # noqa: N815

    def visit_BinOp(self, node) -> None:
        """Replace the operator, or drop one of both terms."""
        self.between(node.left, node.right, node.op)
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            self.add(*self.span(node), f"({self.code(node.left)})")
            if isinstance(node.op, (ast.Add, ast.Mult)):
                self.add(*self.span(node), f"({self.code(node.right)})")
        self.generic_visit(node)

    def visit_Compare(self, node) -> None:
        """Replace each comparison."""
        for left, operator, right in zip(
            [node.left, *node.comparators], node.ops, node.comparators, strict=False
        ):
            self.between(left, right, operator)
        self.generic_visit(node)

    def visit_BoolOp(self, node) -> None:
        """Swap `and` and `or`, or drop what is asked last."""
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        first, last = self.span(node.values[-2])[1], self.span(node.values[-1])[0]
        at = self.bytes[first:last].decode().find(old)
        if at >= 0:
            self.add(first + at, first + at + len(old), new)
            self.add(first, self.span(node.values[-1])[1], "")
        self.generic_visit(node)

    def visit_UnaryOp(self, node) -> None:
        """Drop `not` and the minus."""
        if isinstance(node.op, (ast.Not, ast.USub)):
            self.add(*self.span(node), f"({self.code(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node) -> None:
        """Change a number a little, and turn true into false."""
        if isinstance(node.value, bool):
            self.add(*self.span(node), str(not node.value))
        elif isinstance(node.value, int):
            self.add(*self.span(node), str(node.value + 1))
        elif isinstance(node.value, float):
            self.add(*self.span(node), repr(node.value * 1.01 if node.value else 0.01))

    def visit_keyword(self, node) -> None:
        """Leave `strict` of zip alone, which only guards against slips like these."""
        if node.arg != "strict":
            self.visit(node.value)

    def condition(self, node) -> None:
        """Take a condition for true, or for false."""
        for new in ("True", "False"):
            self.add(*self.span(node.test), new)
        self.generic_visit(node)

    visit_IfExp = condition  # noqa: N815

    def visit_If(self, node) -> None:
        """Take a condition for true, or for false, unless it is for type checkers."""
        if self.code(node.test) != "TYPE_CHECKING":
            self.condition(node)

    def visit_Expr(self, node) -> None:
        """Drop a call."""
        if isinstance(node.value, ast.Call):
            self.add(*self.span(node), "pass")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_AugAssign(self, node) -> None:
        """Drop an addition, or turn it round."""
        self.add(*self.span(node), "pass")
        self.between(node.target, node.value, node.op)
        self.generic_visit(node)

    def visit_AnnAssign(self, node) -> None:
        """Leave annotations alone."""
        if node.value is not None:
            self.visit(node.value)

    def visit_Dict(self, node) -> None:
        """Drop an entry."""
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None and len(node.keys) > 1:
                last = self.span(value)[1]
                comma = self.bytes[last : last + 1] == b","
                self.add(self.span(key)[0], last + comma, "")
        self.generic_visit(node)

    def visit_JoinedStr(self, node) -> None:
        """Change what is filled in, but not how it is formatted."""
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not isinstance(part.value, ast.Constant):
                self.visit(part.value)


def everything(rooms: tuple[str, ...]) -> dict[str, list[Mutant]]:
    """Return all changes that can be planted in each room, by the line they stand on."""
    found = defaultdict(list)
    for folder in ("vaedyn", "store", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            file = str(path.relative_to(ROOT))
            if (room := room_of(file)) in rooms:
                found[room] += Finder(file, path.read_text()).found
    return found


def planted(mutant: Mutant) -> bytes:
    """Return the text of a file with a change in it."""
    text = (ROOT / mutant.file).read_bytes()
    end = mutant.start + len(mutant.old.encode())
    return text[: mutant.start] + mutant.new.encode() + text[end:]


def compiles(mutant: Mutant) -> bool:
    """Return whether the changed file is still a program."""
    try:
        compile(planted(mutant), mutant.file, "exec")
    except SyntaxError:
        return False
    return True


def drawn(rooms: tuple[str, ...], count: int, seed: int, under: str = "") -> list[Mutant]:
    """Draw changes, of all lines in files `under` a path that can be changed, one a line."""
    every = everything(rooms)
    lines = defaultdict(list)
    for mutant in (mutant for room in rooms for mutant in every[room]):
        if mutant.file.startswith(under):
            lines[mutant.file, mutant.line].append(mutant)
    source = random.Random(seed)
    places = sorted(lines)
    source.shuffle(places)
    found: list[Mutant] = []
    for place in places:
        if len(found) == count:
            break
        if compiles(mutant := source.choice(lines[place])):
            found.append(mutant)
    return found
