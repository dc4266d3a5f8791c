"""What a report is made from: comments with their predictions and where they came from."""

from __future__ import annotations

from dataclasses import dataclass

from fbclass.results import Prediction


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One comment with its prediction.

    ``department`` is the writer's own, ``question`` the survey question answered; both may be missing.
    ``respondent`` is the same for all answers of one person, so that a person who answers three
    questions is not taken for three people when small departments are protected.
    """

    text: str
    prediction: Prediction
    department: str | None = None
    question: str | None = None
    respondent: str | None = None

    @property
    def blank(self) -> bool:
        """True when nothing was written; such rows are counted apart and are in no share."""
        return not self.text.strip()
