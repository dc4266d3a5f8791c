"""Put comments into frames that change what they say: denied, another's, imagined, solved, praised in irony.

Counterfactual augmentation (Kaushik et al. 2020, https://arxiv.org/abs/1909.12434) with hand-written frames: the same
complaint stands in training as it was written and as "听说别家{}", where nobody's department has the problem. A small
encoder that reads complaints alone goes by their words. Every kind of frame has its counterpart in which the theme
stays ("跟别家一样，我们也是{}"), so that the words of the frame decide as little as those of the complaint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS
from training.data import Comment

SLOT = "{}"
LONGEST = 40  # characters of a comment that goes into a frame, or of which a word is replaced
UNKNOWN_SENTIMENT = ""  # depends on the comment: nothing is learnt of it
_PRAISE = "sincere"  # the frames around good news; all others stand around complaints
_KEEPS = ("kept", "irony", _PRAISE)  # kinds of frames that leave the themes as they are
KINDS = ("denied", "hypothetical", "other", "resolved", *_KEEPS)
_ENDS = "。！!.~～… "
# Sentences, questions and wishes do not fit into the middle of another sentence.
_UNFIT = re.compile(
    "[。！？!?；;：:\n]|希望|建议|能不能|可不可以|[吗呢吧]$|难道|凭什么|如果|要是|以前|别的公司|没有?问题"
)
_OWN = re.compile("[我咱俺本]|公司|单位")  # what says whose problem it is cannot be another's
# After these words a denial would mean something else.
_BEFORE = re.compile("(以免|免得|避免|减少|谁也|总是|老要|能说|[别不从还互常因再又并])$")


@dataclass(frozen=True, slots=True)
class Frame:
    """``kind``: one of ``KINDS``; ``text`` has one ``SLOT``; ``sentiment``: of the whole, empty where it is
    the comment's; ``themes``: the comments that it suits, empty for all.
    """

    kind: str
    text: str
    sentiment: str
    themes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What may stand in a complaint in place of ``find``, some of its words or all, to deny it or leave it true."""

    find: str
    denied: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """Everything in a folder of frames."""

    frames: tuple[Frame, ...]
    rewrites: tuple[Rewrite, ...]

    @classmethod
    def load(cls, folder: Path) -> Frames:
        """Read ``*.jsonl``: lines with ``frame`` or with ``find``; ``InputError`` names the line that is neither."""
        frames, rewrites = [], []
        for path in sorted(folder.glob("*.jsonl")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                try:
                    row = json.loads(line)
                    if "find" in row:
                        rewrites.append(Rewrite(row["find"], tuple(row["denied"]), tuple(row["kept"])))
                    else:
                        frames.append(_frame(row))
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(
                        f"{path}, line {number}: neither a frame nor a rewrite ({error!r}); see data/README.md",
                        f"{path} 第 {number} 行：既不是句框也不是改写（{error!r}），格式见 data/README.md",
                    ) from error
        if not frames:
            raise InputError(f"{folder} has no frame in a .jsonl file", f"{folder} 里的 .jsonl 文件没有句框")
        return cls(tuple(frames), tuple(rewrites))

    def draw(self, comments: Sequence[Comment], number: int, rng: np.random.Generator) -> list[Comment]:
        """``number`` comments made of these, every frame as often as every other; drawn with ``rng``.

        Fewer, where no comment fits. Their group is that of the comment they are made of.
        """
        complaints = [c for c in comments if c.themes and c.sentiment == "negative" and _fits(c)]
        praise = [c for c in comments if not c.themes and c.sentiment == "positive" and _fits(c)]
        changeable = [c for c in complaints if self._rewrites_of(c)]
        made: dict[str, Comment] = {}
        for _ in range(8 * number):  # not every draw gives a comment
            if len(made) >= number:
                break
            chosen = rng.integers(len(self.frames) + len(self.rewrites))
            frame = self.frames[chosen] if chosen < len(self.frames) else None
            pool = changeable if frame is None else praise if frame.kind == _PRAISE else complaints
            if not pool:
                continue
            comment = pool[rng.integers(len(pool))]
            if frame is None:
                new = self._rewritten(comment, rng)
            else:
                new = put_into(frame, comment) if _suits(frame, comment) else None
            if new is not None:
                made.setdefault(new.text, replace(new, id=f"framed-{len(made)}"))
        return list(made.values())

    def _rewrites_of(self, comment: Comment) -> list[Rewrite]:
        """The rewrite of the whole complaint, or that of the longest words of its evidence. A complaint of several
        clauses would still say elsewhere what is denied in one: it has none of the latter.
        """
        evidence = [piece for pieces in comment.evidence.values() for piece in pieces]
        text = comment.text.strip(_ENDS)
        whole = [r for r in self.rewrites if r.find == text]
        if whole or len(evidence) != 1 or re.search(r"[，,、\s]", text):
            return whole
        fitting = [r for r in self.rewrites if r.find in evidence[0] and _replaceable(r.find, text)]
        return [r for r in fitting if len(r.find) == max(len(r.find) for r in fitting)]

    def _rewritten(self, comment: Comment, rng: np.random.Generator) -> Comment:
        """The complaint with its problem denied or, a third of the time, left true."""
        rewrite = self._rewrites_of(comment)[0]
        text = comment.text.strip(_ENDS)
        true = bool(rng.random() < 1 / 3 and rewrite.kept)
        choices = rewrite.kept if true else rewrite.denied
        new = choices[rng.integers(len(choices))]
        changed = text.replace(rewrite.find, new)
        about = tuple(name for name in comment.about if name in changed)
        if not true:
            return replace(comment, text=changed, themes=(), evidence={}, about=about, sentiment=UNKNOWN_SENTIMENT)
        if rewrite.find == text:
            evidence = dict.fromkeys(comment.evidence, (new,))
        else:
            evidence = {
                t: tuple(p.strip(_ENDS).replace(rewrite.find, new) for p in e) for t, e in comment.evidence.items()
            }
        return replace(comment, text=changed, evidence=evidence, about=about)


def framed(comments: Sequence[Comment], folder: str, share: float, seed: int) -> list[Comment]:
    """As many framed comments as ``share`` of these, drawn with ``seed``; none, and nothing is read, for 0."""
    if not share:
        return []
    return Frames.load(Path(folder)).draw(comments, round(share * len(comments)), np.random.default_rng(seed))


def put_into(frame: Frame, comment: Comment) -> Comment:
    """The comment in the frame, with the labels that it then has."""
    text = frame.text.replace(SLOT, comment.text.strip(_ENDS))
    sentiment: Any = frame.sentiment
    if frame.kind in _KEEPS:
        evidence: Mapping[str, tuple[str, ...]] = {
            theme: tuple(piece.strip(_ENDS) for piece in pieces) for theme, pieces in comment.evidence.items()
        }
        return replace(comment, text=text, sentiment=sentiment or comment.sentiment, evidence=dict(evidence))
    return replace(comment, text=text, themes=(), evidence={}, sentiment=sentiment)


def _suits(frame: Frame, comment: Comment) -> bool:
    if frame.themes and not frame.themes.issuperset(comment.themes):
        return False
    return frame.kind != "other" or not _OWN.search(comment.text)


def _replaceable(find: str, text: str) -> bool:
    before, *after = text.split(find)
    return len(after) == 1 and not _BEFORE.search(before)


def _fits(comment: Comment) -> bool:
    text = comment.text.strip(_ENDS)
    return 4 <= len(text) <= LONGEST and not _UNFIT.search(text)


def _frame(row: dict[str, Any]) -> Frame:
    if row["frame"].count(SLOT) != 1:
        raise ValueError(f"not one {SLOT} in {row['frame']!r}")
    # Anything else would silently take the theme away, or teach nothing of the sentiment.
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']!r} is none of {', '.join(KINDS)}")
    if row["sentiment"] not in (*SENTIMENTS, UNKNOWN_SENTIMENT):
        raise ValueError(f"sentiment {row['sentiment']!r} is none of {', '.join(SENTIMENTS)}, nor empty")
    return Frame(row["kind"], row["frame"], row["sentiment"], frozenset(row.get("themes", ())))
