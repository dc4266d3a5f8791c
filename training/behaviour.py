"""Test what a model can do, one capability at a time, instead of how often it is right.

    python -m training.behaviour [--model models/fbclass-small] [--show-failures]

The method is CheckList (Ribeiro et al. 2020, https://aclanthology.org/2020.acl-main.442): cases written by
hand, each of one of three kinds. A minimum-functionality case (``mft``) says what the labels of a text are.
An invariance case (``inv``) has variants whose labels must be those of the text, whatever they are. A
directional case (``dir``) has variants whose labels must differ from those of the text in a stated way.
The cases are in ``data/behaviour``, described in its README.md; they are for measuring, never for training.
Prints a Markdown table of failure rates; --show-failures lists every text that failed as well.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS, Prediction
from training.config import option, run_script
from training.markdown import table

KINDS = ("mft", "inv", "dir")
# Changing a word that says who somebody is must not change what is found: counted by pair of texts too.
IDENTITY = ("department", "region", "gender", "age", "nationality")
_REQUIRED = ("id", "capability", "kind", "text")
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "mft": ("themes", "sentiment"),
    "inv": ("variants",),
    "dir": ("variants", "gains", "loses", "keeps", "sentiment"),
}
_LISTS = ("themes", "variants", "gains", "loses", "keeps")
_TONES: Mapping[str, tuple[str, ...]] = {"mft": SENTIMENTS, "dir": ("up", "down")}


@dataclass
class BehaviourConfig:
    """Every setting; each is a command-line flag."""

    model: str = option("models/fbclass-small", "model folder")
    cases: str = option("data/behaviour", "folder with the cases, *.jsonl")
    show_failures: bool = option(False, "list every text that failed")


@dataclass(frozen=True, slots=True)
class Case:
    """One case. None or empty: nothing is asked of it.

    ``themes`` (mft) is the exact set. ``gains``, ``loses`` and ``keeps`` (dir): themes that only the variant,
    only the text, and both must have. ``sentiment`` is a label (mft), or "up" or "down" from text to variant (dir).
    """

    id: str
    capability: str
    kind: str
    text: str
    variants: tuple[str, ...] = ()
    themes: tuple[str, ...] | None = None
    sentiment: str | None = None
    gains: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The text and its variants."""
        return self.text, *self.variants


@dataclass(frozen=True, slots=True)
class Labels:
    """What a prediction decides: the set of themes and the sentiment."""

    themes: frozenset[str]
    sentiment: str

    def __str__(self) -> str:
        return " ".join([*sorted(self.themes), self.sentiment])


@dataclass(frozen=True, slots=True)
class Failure:
    """One text (mft) or variant (inv, dir) of a case that is not labelled as it must be."""

    case: Case
    text: str
    reason: str

    def __str__(self) -> str:
        before = f"{self.case.text} → " if self.case.variants else ""
        return f"{self.case.id}: {before}{self.text}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All cases that were run, and every failure in their order. A case fails once, however many variants do."""

    cases: tuple[Case, ...]
    failures: tuple[Failure, ...]

    @property
    def capabilities(self) -> tuple[str, ...]:
        """In the order of the cases."""
        return tuple(dict.fromkeys(case.capability for case in self.cases))

    def failed(self, capability: str | None = None) -> tuple[int, int]:
        """Cases that failed, and all cases, of one capability or of all."""
        failed = {failure.case.id for failure in self.failures}
        cases = [case for case in self.cases if capability in (None, case.capability)]
        return sum(case.id in failed for case in cases), len(cases)

    def rate(self, capability: str | None = None) -> float:
        """Share of the cases that failed, 0 to 1."""
        failed, cases = self.failed(capability)
        return failed / cases

    @property
    def identity_pairs(self) -> tuple[int, int]:
        """Pairs of texts that differ in an identity word and got other labels, and all such pairs."""
        pairs = sum(len(case.variants) for case in self.cases if case.capability in IDENTITY)
        return sum(failure.case.capability in IDENTITY for failure in self.failures), pairs

    def to_dict(self) -> dict[str, Any]:
        """Counts as plain data."""
        changed, pairs = self.identity_pairs
        counts = {name: dict(zip(("failed", "cases"), self.failed(name), strict=True)) for name in self.capabilities}
        failed, cases = self.failed()
        return {
            "failed": failed,
            "cases": cases,
            "capabilities": counts,
            "identity_pairs": {"changed": changed, "pairs": pairs},
        }


def load_cases(folder: Path) -> list[Case]:
    """The cases of every file of a folder; ``InputError`` names the file and line that cannot be read."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise InputError(
            f"{folder} has no .jsonl file: the behaviour cases are expected there",
            f"{folder} 里没有 .jsonl 文件：行为测试用例应放在这里",
        )
    cases = []
    for path in files:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                cases.append(parse_case(json.loads(line.decode("utf-8"))))
            except ValueError as error:  # bad UTF-8, bad JSON, a broken rule
                raise InputError(f"{path}, line {number}: {error}", f"{path} 第 {number} 行：{error}") from error
    return sorted(cases, key=lambda case: KINDS.index(case.kind))  # stable: else as in the files


def parse_case(row: Any) -> Case:
    """Build a case from one line; ``ValueError`` says which rule it breaks."""
    if not isinstance(row, dict) or row.get("kind") not in KINDS:
        raise ValueError(f"a case is an object whose kind is one of {', '.join(KINDS)}; found {row!r}")
    kind = row["kind"]
    asked = [name for name in _OPTIONAL[kind] if name != "variants" and name in row]
    if not set(_REQUIRED) <= row.keys() <= {*_REQUIRED, *_OPTIONAL[kind]} or (kind != "inv" and not asked):
        raise ValueError(
            f"a case of kind {kind} has {', '.join(_REQUIRED)} and some of {', '.join(_OPTIONAL[kind])}; "
            f"found {', '.join(row)}"
        )
    for name, value in row.items():
        texts = value if name in _LISTS and isinstance(value, list) else [value]
        if (name in _LISTS) != isinstance(value, list) or not all(isinstance(t, str) and t.strip() for t in texts):
            raise ValueError(f"{name} must be {'a list of texts' if name in _LISTS else 'a text'}; found {value!r}")
    if kind != "mft" and not row.get("variants"):
        raise ValueError(f"a case of kind {kind} needs variants of its text")
    if row.get("sentiment") not in (None, *_TONES.get(kind, ())):
        raise ValueError(f"sentiment must be one of {', '.join(_TONES[kind])}; found {row['sentiment']!r}")
    return Case(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})


def run_cases(cases: Sequence[Case], classify: Callable[[Sequence[str]], Sequence[Prediction]]) -> Behaviour:
    """Classify all texts in one call of ``classify`` and hold the labels against the cases."""
    texts = [text for case in cases for text in case.texts]
    labels = iter([_labels(prediction) for prediction in classify(texts)])
    failures = []
    for case in cases:
        found = [next(labels) for _ in case.texts]
        failures += [Failure(case, text, reason) for text, reason in check(case, found)]
    return Behaviour(tuple(cases), tuple(failures))


def _labels(prediction: Prediction) -> Labels:
    return Labels(frozenset(tag.id for tag in prediction.themes), prediction.sentiment.label)


def check(case: Case, found: Sequence[Labels]) -> Iterator[tuple[str, str]]:
    """Each text that fails, with the reason; ``found``: labels of ``case.texts``, in order."""
    first, *others = found
    if case.kind == "mft":
        themes = first.themes if case.themes is None else frozenset(case.themes)
        expected = Labels(themes, case.sentiment or first.sentiment)
        if first != expected:
            yield case.text, f"expected {_asked(case)}, found {first}"
        return
    for variant, labels in zip(case.variants, others, strict=True):
        broken = labels != first if case.kind == "inv" else any(_missed(case, first, labels))
        if broken:
            rule = "the same" if case.kind == "inv" else _asked(case)
            yield variant, f"expected {rule}, found {first} → {labels}"


def _missed(case: Case, before: Labels, after: Labels) -> Iterator[bool]:
    """Of a directional case: True for each change that was asked for and is not there."""
    for themes, had, has in ((case.gains, False, True), (case.loses, True, False), (case.keeps, True, True)):
        for theme in themes:
            yield (theme in before.themes, theme in after.themes) != (had, has)
    # The labels are ordered: negative, neutral, positive.
    step = SENTIMENTS.index(after.sentiment) - SENTIMENTS.index(before.sentiment)  # type: ignore[arg-type]
    yield (case.sentiment == "up" and step <= 0) or (case.sentiment == "down" and step >= 0)


def _asked(case: Case) -> str:
    """What a case asks for, in words."""
    parts = [f"{name} {' '.join(getattr(case, name))}" for name in ("gains", "loses", "keeps") if getattr(case, name)]
    if case.themes is not None:
        parts.append(" ".join(case.themes) or "no theme")
    if case.sentiment is not None:
        parts.append(f"sentiment {case.sentiment}")
    return ", ".join(parts)


def as_markdown(behaviour: Behaviour) -> str:
    """Failure rates by capability and overall, and the identity pairs."""
    kinds = {case.capability: case.kind for case in behaviour.cases}
    counts = [(name, kinds[name], behaviour.failed(name)) for name in behaviour.capabilities]
    counts.append(("**all**", "", behaviour.failed()))
    rows = [
        [name, kind, f"{cases:,}", f"{failed:,}", f"{failed / cases:.1%}"] for name, kind, (failed, cases) in counts
    ]
    text = table(["capability", "kind", "cases", "failed", "rate"], rows)
    changed, pairs = behaviour.identity_pairs
    if pairs:
        by_name = Counter(f.case.capability for f in behaviour.failures if f.case.capability in IDENTITY)
        where = "".join(f", {name} {count}" for name, count in by_name.items())
        text += f"\n\nIdentity words: {changed:,} of {pairs:,} pairs got other labels ({changed / pairs:.1%}{where})."
    return text


def run(config: BehaviourConfig) -> str:
    """The failure rates of a model folder as Markdown, with the failures where they are asked for."""
    from fbclass.classifier import Classifier

    behaviour = run_cases(load_cases(Path(config.cases)), Classifier.load(config.model).classify)
    return "\n".join([as_markdown(behaviour), *(["", *map(str, behaviour.failures)] if config.show_failures else [])])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit status: 1 when the cases could not be run."""
    return run_script(BehaviourConfig, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
