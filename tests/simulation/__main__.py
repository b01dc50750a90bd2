"""Runs many seeds side by side and counts how they end; one seed alone is told in full."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import median, quantiles

from simulation import ablation
from simulation.run import Result, run

_BATCH = 10
_EACH = "each"


def main(argv: Sequence[str]) -> int:
    options = _options(argv)
    if options.seed is not None:
        _tell(run(options.seed, without=None if options.without == _EACH else options.without))
        return 0
    if options.without:
        return _search(options)
    seeds = range(options.first, options.first + options.runs)
    with ProcessPoolExecutor(options.workers) as pool:
        operated = list(_shown(pool.map(run, seeds, chunksize=_BATCH), options.runs, "with the operator"))
        alone = partial(run, operated=False)
        without = list(_shown(pool.map(alone, seeds, chunksize=_BATCH), options.runs, "without"))
    print(report(operated, without))
    return 0 if all(is_good(result) for result in operated) else 1


def _search(options: argparse.Namespace) -> int:
    """The first seed that shows what a guard is for; where it refused nothing, all would be the same without it."""
    left = list(ablation.NAMES) if options.without == _EACH else [options.without]
    for seed in range(options.first, options.first + options.runs):
        guarded = run(seed)
        for name in [name for name in left if name in guarded.refused and is_good(guarded)]:
            result = run(seed, without=name)
            if result.harm or result.needless:
                print(f"without {name}, seed {seed}: {(*result.harm, *result.needless)[0]}", flush=True)
                left.remove(name)
        if not left:
            return 0
    print(f"no harm in {options.runs} runs without {', '.join(left)}")
    return 1


def is_good(result: Result) -> bool:
    return not result.harm and not result.needless and result.lives


def report(operated: Sequence[Result], without: Sequence[Result]) -> str:
    """Its last line holds `harm 0` where nothing was made worse."""
    faults = Counter(fault.partition(": ")[2] for result in operated for fault in result.faults)
    actions = Counter(action for result in operated for action in result.actions)
    bad = [result for result in operated if not is_good(result)]
    refused = [result for result in operated if result.whole_after is None and result.refusal]
    words = Counter((result.refusal or "").partition(":")[0] for result in refused)
    harm, needless = sum(bool(r.harm) for r in operated), sum(bool(r.needless) for r in operated)
    lines = [
        f"{len(operated)} runs, {faults.total()} faults",
        *(f"  {count:6d}  {fault}" for fault, count in faults.most_common()),
        f"{actions.total()} actions",
        *(f"  {count:6d}  {action}" for action, count in actions.most_common()),
        f"with the operator:    {_ends(operated)}",
        f"without the operator: {_ends(without)}",
        f"left apart, and said why: {len(refused)}"
        + "".join(f", {n} {word}" for word, n in words.most_common()),
        *(f"seed {r.seed}: {'; '.join([*r.harm, *r.needless]) or 'not whole, and no word why'}" for r in bad),
        f"needless {needless}, silent {sum(not r.lives for r in operated)}, harm {harm}",
    ]
    return "\n".join(lines)


def _ends(results: Sequence[Result]) -> str:
    times = sorted(r.whole_after for r in results if r.whole_after is not None)
    if len(times) < 2:
        return f"{len(times)} of {len(results)} one cluster"
    p99 = quantiles(times, n=100)[-1]
    whole = f"{len(times)} of {len(results)} one cluster"
    return f"{whole}, median {median(times):.0f} s and p99 {p99:.0f} s after the last fault"


def _tell(result: Result) -> None:
    print(f"seed {result.seed}: {result.about}")
    for what in (result.faults, result.actions, result.harm, result.needless):
        print("  " + ("\n  ".join(what) or "-"))
    print(
        f"  one cluster {result.whole_after} s after the last fault; {result.refusal or 'nothing holds it back'}"
    )


def _shown(results: Iterable[Result], total: int, what: str) -> Iterable[Result]:
    for number, result in enumerate(results, 1):
        if number % max(1, total // 20) == 0:
            print(f"{what}: {number} of {total}", file=sys.stderr)
        yield result


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="how many seeds (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: %(default)s)")
    parser.add_argument(
        "--without",
        choices=(*ablation.NAMES, _EACH),
        help="leave out a guard, or each, until a seed shows harm",
    )
    parser.add_argument("--seed", type=int, help="tell one run in full, and how it ends")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
