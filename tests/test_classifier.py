from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbclass.classifier import Classifier
from tests.test_text import ANY_TEXT

SLOW = "报销单交上去一个月了还没批,问了也没人回"


def test_one_text(classifier: Classifier) -> None:
    (prediction,) = classifier.classify([SLOW], ids=["17"])
    assert prediction.id == "17"
    assert prediction.text == SLOW
    assert prediction.model == classifier.name
    assert list(prediction.scores) == list(classifier.schema.ids)
    assert sum(prediction.sentiment.scores.values()) == pytest.approx(1, abs=1e-3)
    assert json.loads(json.dumps(prediction.to_dict()))["text"] == SLOW


def test_the_tiny_model_has_learnt_something(classifier: Classifier) -> None:
    slow, praise = classifier.classify([SLOW, "行政的同事很热情,谢谢"])
    assert [t.id for t in slow.themes] == ["slow_response"]
    assert slow.themes[0].evidence
    assert praise.themes == ()
    assert praise.sentiment.label == "positive"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\ud800"])
def test_a_blank_text_is_a_valid_one(classifier: Classifier, text: str) -> None:
    (prediction,) = classifier.classify([text])
    assert prediction.themes == () and prediction.sentiment.label == "neutral" and not prediction.needs_review


def test_no_texts_no_predictions(classifier: Classifier) -> None:
    assert classifier.classify([]) == []


def test_order_and_length_are_kept_whatever_the_batching(classifier: Classifier) -> None:
    texts = [SLOW[: 1 + i % len(SLOW)] * (1 + i % 7) for i in range(600)]
    done: list[int] = []
    together = classifier.classify(texts, progress=done.append)
    assert [p.text for p in together] == texts
    assert sum(done) == 600
    for i in (0, 299, 599):
        (alone,) = classifier.classify([texts[i]])
        assert alone.scores == pytest.approx(together[i].scores, abs=1e-3)
        assert alone.about == together[i].about


def test_answers_do_not_depend_on_the_threads(classifier: Classifier, tiny_model: Path) -> None:
    texts = ["报销单交上去一个月没批", "", "😀 ok" * 300, "行政同事很热心"]
    both = Classifier.load(tiny_model, threads=2).classify(texts)
    assert [p.to_dict() for p in both] == [p.to_dict() for p in classifier.classify(texts)]


def test_a_string_instead_of_a_list_is_refused(classifier: Classifier) -> None:
    with pytest.raises(TypeError, match=r"write classify\(\[text\]\)"):
        classifier.classify(SLOW)


def test_ids_must_be_as_many_as_texts(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="2 ids for 1 texts"):
        classifier.classify([SLOW], ids=["1", "2"])


def test_long_text_is_read_to_its_end(classifier: Classifier) -> None:
    """The tiny model's window is 64 tokens; what is said after 1,000 characters still counts."""
    padding = "今天天气不错，食堂的菜也可以。" * 70
    complaint = (SLOW + "。") * 4
    without, buried = classifier.classify([padding, padding + complaint])
    assert without.themes == ()
    assert [theme.id for theme in buried.themes] == ["slow_response"]
    assert not buried.truncated


@settings(deadline=None, max_examples=60)
@given(st.lists(ANY_TEXT, max_size=4))
def test_any_text_gets_a_prediction_with_spans_inside_it(classifier: Classifier, texts: list[str]) -> None:
    predictions = classifier.classify(texts)
    assert len(predictions) == len(texts)
    for text, prediction in zip(texts, predictions, strict=True):
        spans = [s for t in prediction.themes for s in t.evidence] + list(prediction.about)
        assert all(0 <= s.start <= s.end <= len(text) and text[s.start : s.end] == s.text for s in spans)
        assert all(0 <= score <= 1 for score in prediction.scores.values())
        reported = {t.id for t in prediction.themes}
        over = {i for i, score in prediction.scores.items() if score > classifier.info.thresholds[i] + 1e-4}
        assert over <= reported


def test_evidence_is_marked_in_the_text_as_given(classifier: Classifier) -> None:
    """Traditional characters, full width and line breaks: offsets still point into the original."""
    text = "  報銷單交上去　一個月了\n還沒批，問了也沒人回！！"
    (prediction,) = classifier.classify([text])
    (theme,) = prediction.themes
    assert theme.id == "slow_response"
    for span in theme.evidence:
        assert text[span.start : span.end] == span.text
        assert span.text.strip(" \n!！,，") == span.text
