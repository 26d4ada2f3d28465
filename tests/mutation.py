"""Mutation testing: break the code in small ways, one at a time, and see whether a test notices.

make mutate                              all modules below, as far as MINUTES (30) go
make mutate MODULES=annotation.access    only these, by their names with dots
make mutate SEED=7                       other mutants first, where the time does not suffice for all
make mutate MODULES=… FILES=queue        against tests/test_queue.py alone

The modules are those that decide who may see, take and answer what. Each mutant changes one thing of one
function: a comparison, a condition, a constant, a lookup, a piece of SQL, a call that is left out. It runs
in a fork of a process that has everything imported, in which only that function's code is exchanged, against
the tests that reach the changed lines; so it costs about a second. The report names each survivor with its
line, and goes to build/mutation.json as well.

It is our own because the known tools start a new process for each mutant, and with it Django, the servers and
the database: ten times as long.
"""

import ast
import contextlib
import copy
import inspect
import json
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from tests.servers import ROOT, guarded_directory, postgres, valkey

# The modules, each with the few test files that are about it.
PAIRING = ("queue", "assignments", "lineups", "questions_together", "mixed_screens", "fallbacks")
COMPARING = ("comparisons", "one_comparison", "assignments", "questions_together", "lineups")
TESTS = {
    "annotation.access": ("api_access", "pages"),
    **{
        f"annotation.pairing.{name}": PAIRING
        for name in ("__init__", "begun", "drawing", "fresh", "handout", "images", "lineups")
    },
    **{
        f"annotation.pairing.{name}": PAIRING
        for name in ("places", "proposals", "together", "uniform")
    },
    "annotation.services.assignments": (*COMPARING, "queue", "checks", "curation"),
    "annotation.services.comparisons": (*COMPARING, "curation"),
    "annotation.services.leases": (*COMPARING, "queue"),
    "annotation.services.queue": ("queue", "fallbacks", "picker"),
    "annotation.services.revision": COMPARING,
    "annotation.services.flags": ("trust",),
    "annotation.services.members": ("pages_people", "api_projects"),
    "annotation.services.projects": ("api_projects", "assignments", "queue"),
    "annotation.services.images": ("images", "curation", "api_images"),
    "annotation.services.prompts": ("curation",),
    "annotation.services.quotas": ("quotas",),
    "annotation.services.references": ("references",),
    "annotation.services.retention": ("retention",),
    "annotation.services.examples": ("introduction",),
    "annotation.services.introduction": ("introduction",),
    "annotation.services.derivatives": ("deriving",),
    "annotation.services.imported_comparisons": ("ancestor",),
    "annotation.services.webhooks": ("webhooks",),
    "rating.exports.preferences": ("exports_preferences", "lineup_exports"),
    "rating.exports.judgements": ("exports_preferences", "lineup_exports"),
}
OUTPUT = ROOT / "build" / "mutation.json"
# Of the tests that reach a line the quickest run first, and together no longer than this.
TEST_SECONDS_MAX = 12.0
# A mutant that loops for ever is noticed, too.
PATIENCE = 30.0
WORKER = "mutation"
REPORT = "__mutation_report__"


# --- Mutants -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One change: of the function `name`, or of the constant, for text that is SQL, at this line.

    reached: the first lines of statements; a test that runs none of them cannot notice the change.
    """

    module: str
    name: str
    line: int
    change: str
    reached: tuple[int, ...]
    code: Any = field(repr=False, compare=False)

    @property
    def place(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line}"


SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
LOOKUPS = {"lt": "lte", "lte": "lt", "gt": "gte", "gte": "gt"}
METHODS = {"filter": "exclude", "exclude": "filter"}
SQL = (
    (" < ", " <= "),
    (" = held.id", " <> held.id"),
    ("NOT EXISTS", "EXISTS"),
    ("AND NOT excluded", ""),
    ("taken + 1", "taken"),
    ("DISTINCT prompt_id) = 1", "DISTINCT prompt_id) >= 1"),
)


def changes_of(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """What may be changed of this node: in words, and how, on a copy of it."""
    if isinstance(node, ast.Compare):
        for at, op in enumerate(node.ops):
            if (other := SWAPPED.get(type(op))) is not None:
                yield f"{_name(op)} → {other.__name__}", _put("ops", at, other)
    elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in SWAPPED:
        other = SWAPPED[type(node.op)]
        yield f"{_name(node.op)} → {other.__name__}", lambda n: setattr(n, "op", other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not … → …", _unwrap
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        negated = lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))  # noqa: E731
        if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield "if … → if not …", negated
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} → {not node.value}", lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield f"{node.value} → {node.value + 1}", lambda n: setattr(n, "value", n.value + 1)
    elif isinstance(node, ast.keyword) and node.arg and "__" in node.arg:
        path, _, lookup = node.arg.rpartition("__")
        if lookup in LOOKUPS:
            name = f"{path}__{LOOKUPS[lookup]}"
            yield f"{node.arg} → {name}", lambda n: setattr(n, "arg", name)
    elif isinstance(node, ast.Attribute) and node.attr in METHODS:
        yield f"{node.attr} → {METHODS[node.attr]}", lambda n: setattr(n, "attr", METHODS[n.attr])
    elif isinstance(node, ast.Raise):
        yield "raise left out", _leave_out
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield f"{ast.unparse(node.value)[:40]} left out", _leave_out


def _name(node: ast.AST) -> str:
    return type(node).__name__


def _put(name: str, at: int, other: type[ast.AST]) -> Callable[[Any], None]:
    return lambda node: getattr(node, name).__setitem__(at, other())


def _unwrap(node: ast.UnaryOp) -> None:
    """Turned twice, what is said is a truth value as before."""
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _leave_out(node: Any) -> None:
    """A statement cannot vanish from a tree that is shared: it becomes `None`."""
    node.__class__ = ast.Expr
    node.value = ast.Constant(None)
    for name in ("exc", "cause"):
        node.__dict__.pop(name, None)


def mutants_of(module: str) -> Iterator[Mutant]:
    path = ROOT / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text())
    functions = dict(_functions(tree))
    for name, function in functions.items():
        for at, (node, statement) in enumerate(_nodes(function)):
            for change, apply in changes_of(node):
                line = getattr(node, "lineno", statement.lineno)
                code = partial(_compiled, function, at, apply, path)
                yield Mutant(module, name, line, change, (statement.lineno,), code)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            yield from _mutants_of_sql(module, statement, functions)


def _mutants_of_sql(
    module: str, statement: ast.Assign, functions: dict[str, ast.FunctionDef]
) -> Iterator[Mutant]:
    (target,) = statement.targets
    text = statement.value.value  # type: ignore[attr-defined]
    if not isinstance(target, ast.Name) or not isinstance(text, str):
        return
    readers = tuple(
        one.body[-1].lineno
        for one in functions.values()
        if any(isinstance(n, ast.Name) and n.id == target.id for n in ast.walk(one))
    )
    for old, new in SQL:
        begin = -1
        while (begin := text.find(old, begin + 1)) >= 0:
            line = statement.lineno + text[:begin].count("\n")
            changed = text[:begin] + new + text[begin + len(old) :]
            change = f"SQL: {old.strip()} → {new.strip() or 'nothing'}"
            yield Mutant(module, target.id, line, change, readers, partial(str, changed))


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The outermost functions and the methods, by qualified name; what is in them belongs to them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def _nodes(function: ast.FunctionDef) -> list[tuple[ast.AST, ast.stmt]]:
    """Each node of the body with its statement; neither decorators nor defaults are of its code."""
    found: list[tuple[ast.AST, ast.stmt]] = []

    def walk(node: ast.AST, statement: ast.stmt) -> None:
        statement = node if isinstance(node, ast.stmt) else statement
        found.append((node, statement))
        for child in ast.iter_child_nodes(node):
            walk(child, statement)

    for statement in function.body:
        walk(statement, statement)
    return found


def _compiled(
    function: ast.FunctionDef, at: int, apply: Callable[[Any], None], path: Path
) -> CodeType:
    changed = copy.deepcopy(function)
    apply(_nodes(changed)[at][0])
    return _code_of(changed, path)


def _code_of(changed: ast.FunctionDef, path: Path) -> CodeType:
    changed.decorator_list = []
    tree = ast.fix_missing_locations(ast.Module([changed], []))
    whole = compile(tree, str(path), "exec")
    return next(c for c in whole.co_consts if isinstance(c, CodeType) and c.co_name == changed.name)


def exchange(mutant: Mutant) -> None:
    """In the module as it is imported, for everybody who holds the function already."""
    made = mutant.code()
    module = _imported(mutant.module)
    if isinstance(made, str):
        setattr(module, mutant.name, made)
    else:
        _put_into(module, mutant.name, made)


def _imported(module: str) -> ModuleType:
    return import_module(module.removesuffix(".__init__"))


def _put_into(module: ModuleType, name: str, code: CodeType) -> None:
    found: Any = module
    for part in name.split("."):
        found = (
            inspect.getattr_static(found, part) if inspect.isclass(found) else getattr(found, part)
        )
    function = _plain(found)
    function.__code__ = code.replace(co_qualname=function.__code__.co_qualname)


class Reporting(ast.NodeTransformer):
    """Has each statement say that it is reached: so much cheaper than tracing all that Python calls."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list) and statements:
                setattr(node, block, [one for s in statements for one in (_report_of(s), s)])
        return node


def _report_of(statement: ast.stmt) -> ast.stmt:
    call = ast.Call(ast.Name(REPORT, ast.Load()), [ast.Constant(statement.lineno)], [])
    return ast.copy_location(ast.Expr(call), statement)


def have_reported(module: str, reached: Callable[[str, int], None]) -> None:
    """Exchange all functions of the module for such that report."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    imported = _imported(module)
    setattr(imported, REPORT, partial(reached, module))
    for name, function in _functions(ast.parse(path.read_text())):
        changed = Reporting().visit(function)
        _put_into(imported, name, _code_of(changed, path))


def _plain(found: Any) -> FunctionType:
    """The function within its decorators."""
    found = getattr(found, "fget", None) or getattr(found, "func", None) or found
    found = getattr(found, "__func__", found)
    return inspect.unwrap(found)


# --- Running tests in a fork ---------------------------------------------------------------------------


def in_fork(work: Callable[[], int], seconds: float, log: Path) -> int | None:
    """The exit code; None if it took longer. Nothing of the parent's is cleared up by the child."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.setsid()
            with log.open("ab") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            code = int(work())
        finally:
            sys.stdout.flush()
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def run_tests(nodes: list[str], *plugins: object) -> int:
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-header"]
    return int(pytest.main([*options, *nodes], plugins=list(plugins)))


@dataclass
class Reached:
    """A plugin that notes how long each test takes, and which lines of the modules it reaches."""

    lines: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    test: str = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, object, object]:
        self.test = item.nodeid
        started = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[self.test] = time.perf_counter() - started

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def report(self, module: str, line: int) -> None:
        self.lines[module, line].add(self.test)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The quickest that reach it."""
        found = {t for line in mutant.reached for t in self.lines.get((mutant.module, line), ())}
        chosen: list[str] = []
        total = 0.0
        for test in sorted(found - set(self.failed), key=lambda test: (self.seconds[test], test)):
            total += self.seconds[test]
            if chosen and total > TEST_SECONDS_MAX:
                break
            chosen.append(test)
        return chosen


def use_test_database() -> None:
    """The one that the first run has made, as it is: tests leave nothing in it."""
    import django.test.utils
    from django.db import connection

    def point(*arguments: Any, **options: Any) -> list[Any]:
        connection.settings_dict["NAME"] = f"test_{connection.settings_dict['NAME']}"
        return []

    django.test.utils.setup_databases = point
    django.test.utils.teardown_databases = lambda *a, **o: None


def keep_test_database() -> None:
    import django.test.utils

    django.test.utils.teardown_databases = lambda *a, **o: None


@contextlib.contextmanager
def provided() -> Iterator[Path]:
    """The servers and settings that tests/provision.py gives, once for all forks."""
    with ExitStack() as stack:
        directory, _ = stack.enter_context(guarded_directory())
        (directory / WORKER / "static").mkdir(parents=True)
        os.environ |= {
            "DATABASE_URL": stack.enter_context(postgres()).url,
            "REDIS_URL": stack.enter_context(valkey()).url,
            "DATA_DIR": str(directory / WORKER),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "PUBLIC_URL": "http://localhost",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
            # So the plugin starts no servers: they are there.
            "PYTEST_XDIST_WORKER": WORKER,
        }
        os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache"))
        yield directory


# --- The run -------------------------------------------------------------------------------------------


def modules_wanted() -> list[str]:
    named = os.environ.get("MODULES", "").replace(",", " ").split()
    if unknown := set(named) - TESTS.keys():
        raise SystemExit(
            f"No tests are named for {', '.join(sorted(unknown))} (tests/mutation.py)."
        )
    return named or list(TESTS)


def files_for(modules: list[str]) -> list[str]:
    if named := os.environ.get("FILES", "").replace(",", " ").split():
        return [f"tests/test_{name}.py" for name in named]
    names = dict.fromkeys(name for module in modules for name in TESTS[module])
    return [f"tests/test_{name}.py" for name in names]


def reached_by(files: list[str], modules: list[str], log: Path, to: Path) -> Reached:
    """Run the tests as they are, in a fork that also makes the database, and read what it found."""
    reached = Reached()

    def work() -> int:
        keep_test_database()
        for module in modules:
            have_reported(module, reached.report)
        options = ["-q", "-p", "no:cacheprovider", "--no-header", "--create-db"]
        code = int(pytest.main([*options, *files], plugins=[reached]))
        lines = [[module, line, sorted(tests)] for (module, line), tests in reached.lines.items()]
        to.write_text(json.dumps([lines, reached.seconds, reached.failed]))
        return code

    code = in_fork(work, 3600, log)
    if code not in (0, 1) or not to.exists():
        raise SystemExit(f"The tests do not run (exit code {code}):\n{log.read_text()[-3000:]}")
    lines, reached.seconds, reached.failed = json.loads(to.read_text())
    reached.lines = {(module, line): set(tests) for module, line, tests in lines}
    return reached


def judge(mutant: Mutant, reached: Reached, log: Path) -> str:
    tests = reached.tests_of(mutant)
    if not tests:
        return "not reached"

    def work() -> int:
        use_test_database()
        exchange(mutant)
        return run_tests(tests)

    log.unlink(missing_ok=True)
    code = in_fork(work, 4 * sum(reached.seconds[test] for test in tests) + PATIENCE, log)
    if code is None:
        return "timed out"
    if code == 0:
        return "survived"
    if code == 1:
        return "killed"
    return "broken"


def main() -> None:
    started = time.monotonic()
    minutes = float(os.environ.get("MINUTES", "30"))
    modules = modules_wanted()
    mutants = [mutant for module in modules for mutant in mutants_of(module)]
    random.Random(int(os.environ.get("SEED", "0"))).shuffle(mutants)
    with provided() as directory:
        import django

        files = files_for(modules)
        django.setup()
        log = directory / "log"
        # What all forks then share: Django, pytest's plugins, the tests and what they import.
        with log.open("w") as output, contextlib.redirect_stdout(output):
            pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *files])
        reached = reached_by(files, modules, log, directory / "reached.json")
        for test in reached.failed:
            print(f"fails without any mutant, and is left out: {test}")
        print(f"{len(mutants)} mutants, {len(reached.seconds)} tests", flush=True)
        verdicts: list[tuple[Mutant, str]] = []
        begun = time.monotonic()
        for mutant in mutants:
            if time.monotonic() - begun > 60 * minutes:
                break
            verdict = judge(mutant, reached, log)
            verdicts.append((mutant, verdict))
            if verdict not in ("killed", "timed out"):
                print(f"{verdict}: {mutant.place} {mutant.name}: {mutant.change}", flush=True)
            if verdict == "broken":
                print(log.read_text()[-600:])
    _report(verdicts, len(mutants), time.monotonic() - started)


def _report(verdicts: list[tuple[Mutant, str]], of: int, seconds: float) -> None:
    counts = Counter(verdict for _, verdict in verdicts)
    by_module: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in verdicts:
        by_module[mutant.module][verdict] += 1
    print(f"\n{'module':44}{'killed':>8}{'timed out':>11}{'survived':>10}{'not reached':>13}")
    for module, found in sorted(by_module.items()):
        cells = found["killed"], found["timed out"], found["survived"], found["not reached"]
        print(f"{module:44}{cells[0]:>8}{cells[1]:>11}{cells[2]:>10}{cells[3]:>13}")
    print(f"\n{len(verdicts)} of {of} mutants in {seconds:.0f} s: {dict(counts)}")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    left = [
        {key: value for key, value in asdict(mutant).items() if key not in ("code", "reached")}
        | {"verdict": verdict}
        for mutant, verdict in sorted(verdicts, key=lambda one: one[0].place)
        if verdict not in ("killed", "timed out")
    ]
    OUTPUT.write_text(json.dumps({"counts": counts, "of": of, "left": left}, indent=1))
    print(OUTPUT.relative_to(ROOT))


if __name__ == "__main__":
    main()
