"""Read what employees write to each other's departments, in Chinese: themes, sentiment, evidence.

from fbclass import Classifier
Classifier.load().classify(["报销单交上去一个月了还没批"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fbclass.errors import FbclassError, InputError, MissingExtraError, ModelError, OutputError, SchemaError
from fbclass.results import Prediction, Sentiment, Span, ThemeTag

if TYPE_CHECKING:
    from fbclass.classifier import Classifier

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "FbclassError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "Prediction",
    "SchemaError",
    "Sentiment",
    "Span",
    "ThemeTag",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # The classifier brings numpy and the tokeniser; the command's --help should not wait for them.
    if name == "Classifier":
        from fbclass.classifier import Classifier

        return Classifier
    raise AttributeError(f"module 'fbclass' has no attribute {name!r}")
