"""Change every function of the engine and its rules a little, many times, and see that the tests notice.

`python -m tests.mutation [module ...]` judges the mutants of the modules named in pyproject.toml, or only of some, and
fails when fewer are killed than it asks for, or one survives that tests/mutation_survivors.toml gives no reason for.
With EVERY=50 in the environment every fiftieth is judged: enough to see that the tests still bite.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.mutation.judging import Judge
from tests.mutation.mutants import ROOT, Mutant, mutants_of

SURVIVORS = ROOT / "tests" / "mutation_survivors.toml"
EVERY = int(os.environ.get("EVERY") or 1)
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutation"]


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def _judged(modules: Sequence[str], mutants: Sequence[Mutant]) -> list[Mutant]:
    """Return the mutants that survive the tests."""
    tests = {module: SETTINGS["tests"][module] for module in modules}
    judge = Judge(mutants, tests, lambda text: _say(text, end=""))
    files = sorted({file for listed in tests.values() for file in listed})
    # Quiet twice: pytest would end by saying that no tests ran, for it does not know of those in the forks.
    ended = pytest.main(["-qq", "-s", "-p", "no:cacheprovider", *files], plugins=[judge])
    if ended is not pytest.ExitCode.OK and ended is not pytest.ExitCode.NO_TESTS_COLLECTED:
        raise SystemExit("The mutants were not judged.")
    return judge.survivors


def _as_listed(mutant: Mutant) -> str:
    quoted = {"module": mutant.module, "function": mutant.function, "change": mutant.change}
    lines = [f"{key} = '''{value}'''" for key, value in quoted.items()]
    return "\n".join(["[[survivor]]", *lines, 'reason = ""'])


def main(modules: Sequence[str]) -> int:
    """Judge the modules, print how many mutants of each are killed, and return the exit status."""
    mutants = [mutant for module in modules for mutant in mutants_of(module)][::EVERY]
    survivors = _judged(modules, mutants)
    kept = tomllib.loads(SURVIVORS.read_text())["survivor"]
    explained = Counter((one["module"], one["function"], one["change"]) for one in kept if one["reason"])
    unexplained = []
    for mutant in survivors:
        explained[mutant.name] -= 1
        if explained[mutant.name] < 0:
            unexplained.append(mutant)
    _say("\n")
    alive, everyone = Counter(one.module for one in survivors), Counter(one.module for one in mutants)
    for module in modules:
        _say(f"{module:40} {everyone[module] - alive[module]:5} of {everyone[module]:5} killed")
    share = 1 - len(survivors) / max(1, len(mutants))
    _say(f"{'all':40} {len(mutants) - len(survivors):5} of {len(mutants):5} killed: {share:.1%}")
    gone = [name for name, count in explained.items() if count > 0 and name[0] in modules and EVERY == 1]
    for name in gone:
        _say(f"No longer a survivor, take it off the list: {name}")
    for mutant in unexplained:
        _say("\n" + _as_listed(mutant))
    return int(bool(unexplained) or (EVERY == 1 and share < SETTINGS["least"]))


if __name__ == "__main__":
    named = [one for one in sys.argv[1:] if one]
    if unknown := sorted(set(named) - set(SETTINGS["tests"])):
        raise SystemExit(f"No tests are named in pyproject.toml for {', '.join(unknown)}.")
    raise SystemExit(main(named or list(SETTINGS["tests"])))
