"""Measure a model on this machine: speed, start-up time, memory. Prints a table in Markdown.

    python -m benchmarks.throughput                 (make bench)
    python -m benchmarks.throughput --model DIR --threads 1 --limit 500

Reads the comments of data/feedback/dev, each once; the figures hold for comments of their length, which the
table names. Close other programs first: on two cores any of them halves the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from fbclass import Classifier

FOLDER = Path(__file__).parents[1] / "data" / "feedback" / "dev"
SINGLE_CALLS = 200
STARTS = 5
_START = """\
import sys
from fbclass import Classifier
Classifier.load(sys.argv[1] or None).classify(["报销单交上去一个月了还没批"])
"""


def read_texts(folder: Path, limit: int) -> list[str]:
    """The comments of every .jsonl file in a folder, at most ``limit``."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return [json.loads(line)["text"] for line in lines[:limit]]


def start_up(model: str) -> float:
    """Seconds from starting Python to the first prediction; median of some runs, the first one left out."""
    seconds = []
    for _ in range(STARTS + 1):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", _START, model], check=True)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


def single_calls(classifier: Classifier, texts: Sequence[str]) -> np.ndarray:
    """Milliseconds of calls with one comment each; shape (number of calls,)."""
    milliseconds = []
    for text in texts:
        begin = time.perf_counter()
        classifier.classify([text])
        milliseconds.append(1000 * (time.perf_counter() - begin))
    return np.array(milliseconds)


def per_second(classifier: Classifier, texts: Sequence[str]) -> float:
    """Comments per second when all are given at once; the best of three, because other work only slows it."""
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        classifier.classify(texts)
        seconds.append(time.perf_counter() - begin)
    return len(texts) / min(seconds)


def peak_memory() -> float:
    """The most memory this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="model folder; default: the bundled model")
    parser.add_argument("--threads", type=int, help="CPU threads; default: one per core")
    parser.add_argument("--limit", type=int, default=2000, help="comments to read, at most")
    arguments = parser.parse_args()

    texts = read_texts(FOLDER, arguments.limit)
    started = start_up(arguments.model)
    classifier = Classifier.load(arguments.model or None, threads=arguments.threads)
    classifier.classify(texts[:10])  # the first calls also allocate
    single = single_calls(classifier, texts[:SINGLE_CALLS])
    speed = per_second(classifier, texts)

    threads = arguments.threads or os.cpu_count()
    length = statistics.mean(map(len, texts))
    print(f"{classifier.name}, {threads} threads, {platform.machine()}, Python {platform.python_version()}, ", end="")
    print(f"onnxruntime {onnxruntime.__version__}; {len(texts)} comments of {length:.0f} characters on average\n")
    print("| measure | value |\n| --- | ---: |")
    print(f"| comments per second, all at once | {speed:.0f} |")
    print(f"| one comment, median | {np.median(single):.1f} ms |")
    print(f"| one comment, 95th percentile | {np.percentile(single, 95):.1f} ms |")
    print(f"| start of Python to first prediction | {started:.2f} s |")
    print(f"| peak memory | {peak_memory():.0f} MB |")


if __name__ == "__main__":
    main()
