"""How long `import kong_lts` takes, beside the two packages that it cannot do without.

The second figure makes the first comparable between machines: both come from the same run.
"""

import statistics
import subprocess
import sys

RUNS = 15
MODULES = ("kong_lts", "attrs, cattrs")

TIMED_IMPORT = """
import time
began = time.perf_counter()
import {modules}
print(time.perf_counter() - began)
"""


def import_ms(modules: str) -> float:
    """Time of one import in a fresh interpreter, in milliseconds; its own start does not count."""
    code = TIMED_IMPORT.format(modules=modules)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout) * 1000


def main() -> None:
    """Measure in turns, so that a busy moment of the machine meets both, and print the medians."""
    for modules in MODULES:
        import_ms(modules)  # writes the byte code
    turns = [[import_ms(modules) for modules in MODULES] for _ in range(RUNS)]
    ours, base = (statistics.median(times) for times in zip(*turns, strict=True))
    print(f"import kong_lts: {ours:.1f} ms, median of {RUNS}")
    print(f"import attrs, cattrs: {base:.1f} ms")
    print(f"ratio: {ours / base:.2f}")


if __name__ == "__main__":
    main()
