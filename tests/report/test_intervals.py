"""Shares and their intervals."""

import pytest

from fbclass.report.intervals import Share


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # The worked examples of Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_interval_agrees_with_published_examples(count: int, total: int, low: float, high: float) -> None:
    share = Share(count, total)
    assert share.low == pytest.approx(low, abs=5e-5)
    assert share.high == pytest.approx(high, abs=5e-5)


def test_everything_and_nothing_are_mirror_images() -> None:
    assert Share(7, 7).high == 1.0
    assert Share(7, 7).low == pytest.approx(1 - Share(0, 7).high)


def test_an_empty_total_has_no_share_and_no_width() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (0.0, (0.0, 0.0))


@pytest.mark.parametrize(("count", "total"), [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(count: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"got {count} of {total}"):
        Share(count, total)


def test_overlap() -> None:
    assert Share(50, 100).overlaps(Share(45, 100))
    assert not Share(50, 100).overlaps(Share(10, 100))
