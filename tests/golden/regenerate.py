"""Write what the bundled model says of the golden comments.

    python -m tests.golden.regenerate

One file per model version: a change that moves a prediction of a released version is a defect, a new
version gets a new file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fbclass.classifier import Classifier

FOLDER = Path(__file__).parent


def read_comments() -> list[dict[str, str]]:
    """The golden comments: id and text."""
    return [json.loads(line) for line in (FOLDER / "comments.jsonl").read_text(encoding="utf-8").splitlines()]


def outputs(classifier: Classifier) -> list[dict[str, Any]]:
    """The predictions for the golden comments, without the texts themselves."""
    comments = read_comments()
    predictions = classifier.classify([c["text"] for c in comments], ids=[c["id"] for c in comments])
    return [{k: v for k, v in p.to_dict().items() if k not in ("text", "model")} for p in predictions]


def golden_file(classifier: Classifier) -> Path:
    """Where the outputs of this model version are kept."""
    return FOLDER / f"{classifier.name}.jsonl"


def main() -> None:
    classifier = Classifier.load()
    lines = [json.dumps(output, ensure_ascii=False) + "\n" for output in outputs(classifier)]
    golden_file(classifier).write_text("".join(lines), encoding="utf-8")
    print(f"wrote {golden_file(classifier)}")


if __name__ == "__main__":
    main()
