"""Reads the output of `go test -json`.

    go test -json ./... | python3 scripts/summary.py follow SUITE FILE
        records it in FILE, printing a line for each package and the output of what fails, as it happens
    python3 scripts/summary.py report SUITE=FILE ...
        prints counts for each package and suite, every failure, every skip with its reason, and what tests print behind
        the word "summary:"; exits with 1 when something failed or nothing ran

A test with subtests is not counted beside them, unless it fails by itself. A package that does not build, or ends
without a result, counts as one failure.
"""

import collections
import json
import re
import sys
from typing import Iterable, Iterator

MODULE = "github.com/pinnacle-proxy/pinnacle-proxy"
# Lines of the test runner's own.
CHATTER = re.compile(r"^\s*(=== |--- |PASS|FAIL|ok\s|coverage:|testing: warning)")


class Run:
    """What the events of one `go test -json` add up to."""

    def __init__(self) -> None:
        self.tests: dict[tuple[str, str], str] = {}
        self.packages: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.output: dict[tuple[str, str], list[str]] = collections.defaultdict(list)

    def add(self, event: dict) -> None:
        """Takes one event."""
        action, test = event.get("Action"), event.get("Test", "")
        # A build's events have an ImportPath, as "pkg [pkg.test]", in place of a Package.
        package = event.get("Package") or event.get("ImportPath", "").split(" ")[0]
        key = (package, test)
        if action in ("output", "build-output"):
            self.output[key].append(event.get("Output", ""))
        elif action == "start":
            self.packages.setdefault(package, "unfinished")
        elif action in ("pass", "fail", "skip"):
            if test:
                self.tests[key] = action
            else:
                self.packages[package] = action
                self.seconds[package] = event.get("Elapsed", 0.0)
        elif action == "run":
            self.tests[key] = "unfinished"

    def results(self) -> Iterator[tuple[str, str, str]]:
        """Gives package, test and result (pass, fail or skip) of all that counts; the test is "" for a whole package."""
        parents = {(package, test.rsplit("/", 1)[0]) for package, test in self.tests if "/" in test}
        parents |= {(p, t.rsplit("/", n)[0]) for p, t in parents for n in range(1, t.count("/") + 1)}
        failed = {key for key, result in self.tests.items() if result in ("fail", "unfinished")}
        for (package, test), result in sorted(self.tests.items()):
            if (package, test) in parents:
                if (package, test) not in failed or any(p == package and t.startswith(test + "/") for p, t in failed):
                    continue
            yield package, test, "fail" if result == "unfinished" else result
        for package, result in sorted(self.packages.items()):
            if result in ("fail", "unfinished") and not any(p == package for p, _ in failed):
                yield package, "", "fail"

    def said(self, package: str, test: str) -> list[str]:
        """What a test, or a package outside its tests, printed, without the runner's own lines."""
        lines = "".join(self.output[(package, test)]).splitlines()
        return [line.rstrip() for line in lines if line.strip() and not CHATTER.match(line)]


def short(package: str) -> str:
    """A package's path inside the module."""
    return package.removeprefix(MODULE).lstrip("/") or "."


def show(lines: list[str]) -> None:
    """Prints the end of what a test printed."""
    print("".join(f"     {line}\n" for line in lines[-60:]), end="", flush=True)


def events(lines: Iterable[str]) -> Iterator[dict]:
    """The events among lines; a line that is none is printed (the go command's own errors)."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            print(line, end="", flush=True)
            continue
        yield event


def follow(suite: str, path: str) -> int:
    """Copies standard input to path, printing progress."""
    run = Run()
    with open(path, "w", encoding="utf-8") as record:
        def copied() -> Iterator[str]:
            for line in sys.stdin:
                record.write(line)
                yield line
        for event in events(copied()):
            run.add(event)
            package, test = event.get("Package", ""), event.get("Test", "")
            if event.get("Action") == "build-output":
                print(event.get("Output", ""), end="", flush=True)
            elif event.get("Action") == "fail" and test:
                print(f"FAIL {short(package)} {test}")
                show(run.said(package, test))
            elif event.get("Action") == "fail":
                print(f"FAIL {short(package)} ({event.get('Elapsed', 0):.1f} s)")
                show(run.said(package, ""))
            elif event.get("Action") == "pass" and not test:
                print(f"ok   {suite:12} {short(package)} ({event.get('Elapsed', 0):.1f} s)", flush=True)
    return 0


def report(suites: list[str]) -> int:
    """Prints the summary of recorded suites."""
    total: collections.Counter = collections.Counter()
    failures, skips, told = [], [], []
    print(f"{'suite':12} {'package':34} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}")
    for suite in suites:
        name, path = suite.split("=", 1)
        run = Run()
        with open(path, encoding="utf-8") as record:
            for line in record:
                try:
                    run.add(json.loads(line))
                except ValueError:
                    continue
        told += [(name, line) for lines in run.output.values() for line in re.findall(r"\bsummary: (.*)", "".join(lines))]
        counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        for package, test, result in run.results():
            counts[package][result] += 1
            if result == "fail":
                failures.append((package, test))
            elif result == "skip":
                reason = " ".join(re.sub(r"^\s*\S+\.go:\d+: ", "", line).strip() for line in run.said(package, test))
                skips.append((package, test, reason or "no reason given"))
        for package in sorted(counts):
            c = counts[package]
            total += c
            print(f"{name:12} {short(package):34} {c['pass']:>7} {c['fail']:>7} {c['skip']:>7} "
                  f"{run.seconds.get(package, 0):>8.1f}")
        if not counts:
            failures.append((name, "no test ran"))
            total["fail"] += 1
    for name, line in told:
        print(f"{name}: {line}")
    for package, test, reason in skips:
        print(f"skipped: {short(package)} {test}: {reason}")
    for package, test in failures:
        print(f"FAILED: {short(package)} {test or 'the package as a whole'}")
    print(f"{total['pass']} passed, {total['fail']} failed, {total['skip']} skipped")
    return 1 if total["fail"] or not total["pass"] else 0


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "follow":
        sys.exit(follow(sys.argv[2], sys.argv[3]))
    if len(sys.argv) > 2 and sys.argv[1] == "report":
        sys.exit(report(sys.argv[2:]))
    sys.exit("usage: summary.py follow SUITE FILE | summary.py report SUITE=FILE ...")
