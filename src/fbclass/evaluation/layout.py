"""An evaluation as aligned text for a terminal, in Chinese or English."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from fbclass.evaluation.scores import Evaluation, LabelScore, Measure
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from fbclass.tables.results import WORDINGS


def as_text(evaluation: Evaluation, schema: ThemeSchema, language: str) -> str:
    """Tables of all figures; intervals in brackets, – where nothing could be measured."""

    def say(chinese: str, english: str) -> str:
        return chinese if language == "zh" else english

    words = WORDINGS[language].sentiments
    rates = [say("精确率", "Precision"), say("召回率", "Recall"), "F1", say("条数", "Support")]
    calibration = say("校准误差", "Calibration error")
    themes, sentiment, review = evaluation.themes, evaluation.sentiment, evaluation.review
    blocks = [
        say(
            f"模型 {evaluation.model}，{evaluation.rows:,} 条标注意见。方括号内是 95% 置信区间",
            f"Model {evaluation.model}, {evaluation.rows:,} labelled comments. In brackets: 95% intervals",
        ),
        _table(
            [say("主题", "Theme"), *rates, calibration],
            [
                [schema[t.label].name(language), *_label(t), f"{t.reliability.error:.3f}" if t.reliability else ""]
                for t in themes
            ],
        ),
        _table(
            [],
            [
                [say("主题 F1，宏平均", "Theme F1, macro average"), figure(evaluation.macro_f1)],
                [say("主题 F1，微平均", "Theme F1, micro average"), figure(evaluation.micro_f1)],
                [say("主题全部标对的意见", "Comments with all themes right"), share(evaluation.exact_match)],
                [say("无主题却被标上主题的", "Without a theme, given one"), share(evaluation.false_alarm)],
            ],
        ),
        _table(
            [say("情感", "Sentiment"), *rates],
            [[words[label], *_label(s)] for label, s in zip(SENTIMENTS, sentiment.labels, strict=True)],
        ),
        _table(
            [],
            [
                [say("情感准确率", "Sentiment accuracy"), share(sentiment.accuracy)],
                [say("情感 F1，宏平均", "Sentiment F1, macro average"), figure(sentiment.macro_f1)],
                [say("情感校准误差", "Sentiment calibration error"), f"{sentiment.reliability.error:.3f}"],
            ],
        ),
        _table(
            [say("标注 ↓ 模型 →", "Labelled ↓ model →"), *(words[label] for label in SENTIMENTS)],
            [[words[label], *map(str, row)] for label, row in zip(SENTIMENTS, sentiment.confusion, strict=True)],
        ),
    ]
    spans = []
    if evidence := evaluation.evidence:
        spans += [
            [say("依据 F1（按字）", "Evidence F1 (characters)"), figure(evidence.overall.f1)],
            [say("依据 F1，只看标对的主题", "Evidence F1, right themes only"), figure(evidence.given_theme.f1)],
            [say("如果把全文当作依据，F1", "The same if the whole text were marked"), figure(evidence.whole_text)],
            [say("依据与标注有重合的", "Evidence that overlaps the gold"), share(evidence.overlap)],
        ]
    if evaluation.about:
        spans.append([say("涉及对象 F1（按字）", "About F1 (characters)"), figure(evaluation.about.f1)])
    spans += [
        [say("建议复核的意见", "Comments flagged for review"), share(review.flagged)],
        [say("其中确实标错的", "Flagged that are wrong"), share(review.hits)],
        [say("标错的意见中被提示复核的", "Wrong that are flagged"), share(review.caught)],
    ]
    return "\n\n".join([*blocks, _table([], spans)])


def figure(measure: Measure) -> str:
    """``0.843 [0.821, 0.864]``."""
    if not measure.defined:
        return "–"
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def share(measure: Measure) -> str:
    """``84.3% [82.1%, 86.4%]``."""
    if not measure.defined:
        return "–"
    return f"{measure.value:.1%} [{measure.low:.1%}, {measure.high:.1%}]"


def _label(score: LabelScore) -> list[str]:
    return [figure(score.precision), figure(score.recall), figure(score.f1), f"{score.support:,}"]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [*([header] if header else []), *rows]
    widths = [max(_width(line[c]) for line in lines) for c in range(len(lines[0]))]
    return "\n".join("  ".join(_pad(cell, w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
