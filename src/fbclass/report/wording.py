"""Every fixed sentence of the report, in Chinese and English, and how numbers are written in them."""

from __future__ import annotations

from typing import Any

from fbclass.report.intervals import Share

LANGUAGES = ("zh", "en")


class Number(int):
    """A count that brings its noun along: ``f"{Number(2):comment}"`` is "2 comments"."""

    def __format__(self, noun: str) -> str:
        digits = int.__format__(self, ",")
        return f"{digits} {noun}{'' if self == 1 else 's'}" if noun else digits


def text(language: str, key: str, /, **values: Any) -> str:
    """The sentence ``key`` in ``language`` with ``values`` put in."""
    numbers = {name: Number(v) if isinstance(v, int) and not isinstance(v, bool) else v for name, v in values.items()}
    return _TEXTS[key][LANGUAGES.index(language)].format(**numbers)


def percent(share: Share | float) -> str:
    """A share in whole percent; what is not nothing or everything is not written as 0% or 100%."""
    value = share.value if isinstance(share, Share) else share
    if 0 < value < 0.005:
        return "<1%"
    if 0.995 <= value < 1:
        return ">99%"
    return f"{int(value * 100 + 0.5)}%"


def interval(share: Share) -> str:
    """The 95% interval of a share in whole percent."""
    return f"{int(share.low * 100 + 0.5)}%–{int(share.high * 100 + 0.5)}%"


# key: (Chinese, English)
_TEXTS: dict[str, tuple[str, str]] = {
    "title": ("员工意见分析报告", "Employee feedback report"),
    "source": ("来源：{name}", "Source: {name}"),
    "made": ("生成日期：{date}", "Made on {date}"),
    "base": ("基数：{n} 条非空意见", "Base: {n:comment}, blank ones left out"),
    "confidential": ("内部资料，请勿外传", "Internal, not for circulation"),
    # figures at the top
    "kpi_comments": ("条意见", "comments"),
    "kpi_comments_note": ("另有 {blank} 条空白", "plus {blank} blank"),
    "kpi_any": ("谈到协作问题", "speak of a collaboration problem"),
    "kpi_any_note": ("{count} 条，95% 区间 {interval}", "{count:comment}, 95% interval {interval}"),
    "kpi_negative": ("总体为负面", "are negative overall"),
    "kpi_negative_note": ("正面 {positive}，中性 {neutral}", "{positive} positive, {neutral} neutral"),
    "kpi_review": ("条建议人工复核", "to be reviewed by a person"),
    "kpi_review_note": ("占 {share}", "{share} of comments"),
    # headings
    "findings": ("主要发现", "Main findings"),
    "themes": ("协作问题的分布", "Which problems are raised"),
    "themes_lead": (
        "每个主题占全部非空意见的比例。一条意见可以属于多个主题，各项相加不等于 100%。横线表示 95% 区间。",
        "Share of all comments that are not blank. A comment can have several themes, so shares do not add up to 100%. "
        "The line across each bar is its 95% interval.",
    ),
    "theme": ("主题", "Theme"),
    "share": ("占比", "Share"),
    "interval": ("95% 区间", "95% interval"),
    "count": ("条数", "Comments"),
    "any_theme": ("任一主题", "Any theme"),
    "sentiment": ("情感", "Sentiment"),
    "sentiment_lead": ("写的人的整体态度，每条意见一种。", "The writer's overall attitude, one per comment."),
    "negative": ("负面", "Negative"),
    "neutral": ("中性", "Neutral"),
    "positive": ("正面", "Positive"),
    "all_comments": ("全部意见", "All comments"),
    "department": ("部门", "Department"),
    "departments": ("部门对比", "By department"),
    "departments_lead": (
        "部门是填写人所在的部门，不是被说到的部门。"
        "数字是该部门的意见中谈到这个主题的比例，颜色越深比例越高。少于 {k} 条（或少于 {k} 人）的部门并入“其他”。",
        "The department is the one the writers work in, not the one they speak of. "
        "Figures are the share of its comments that raise the theme; the darker, the higher. "
        "Departments with fewer than {k} comments (or {k} people) stand together as Other.",
    ),
    "departments_marks": (
        "▲▼ 与整体相差超出误差范围（已按比较次数校正）。† 不足 20 条，波动大，只作参考。",
        "▲▼ differs from the whole by more than chance explains (corrected for the number of comparisons). "
        "† fewer than 20 comments: read with care.",
    ),
    "departments_hidden": (
        "各部门的意见太少，为保护填写人，本报告不按部门展示。",
        "The departments are too small to be shown apart without exposing people, so this report does not.",
    ),
    "other": ("其他", "Other"),
    "missing": ("未填写", "Not stated"),
    "department_sentiment": ("各部门的情感", "Sentiment by department"),
    "questions": ("按题目", "By question"),
    "question": ("题目", "Question"),
    "details": ("逐个主题", "Theme by theme"),
    "of_comments": (
        "{count} 条意见，占 {share}（95% 区间 {interval}）",
        "{count:comment}, {share} (95% interval {interval})",
    ),
    "none_found": ("没有意见被归到这个主题。", "No comment has this theme."),
    "phrases": ("突出的词", "Telling words"),
    "no_phrases": ("意见太少，没有突出的词", "too few comments for telling words"),
    "about": ("说到的对象", "Spoken of"),
    "quotes": ("原话摘录", "In their words"),
    "actions": ("建议措施", "What can be done"),
    "praise": ("员工肯定的地方", "What employees appreciate"),
    "praise_lead": ("从正面意见中摘录。", "From the positive comments."),
    "method": ("口径与方法", "How to read this report"),
    # notes
    "note_base_title": ("基数", "Base"),
    "note_base": (
        "共读入 {rows} 条，其中 {blank} 条空白，不计入任何比例；其余 {comments} 条为基数。"
        "只写“无”“没有意见”之类的有 {nothing} 条，也计入基数。",
        "{rows:comment} read, {blank} of them blank and in no share; the other {comments} are the base. "
        "{nothing} of these only say “none” or the like; they are part of the base.",
    ),
    "note_tags_title": ("标签", "Tags"),
    "note_tags": (
        "主题和情感{source}，是估计而不是事实；个别意见会判错，小的差别不宜深究。"
        "主题只标写的人认为现在仍存在的内部协作问题，薪酬、食堂等其他话题不标主题，只标情感。",
        "Themes and sentiment are estimates, not facts: {source}. Single comments can be tagged wrongly, and "
        "small differences mean little. A theme means a problem of working together that the "
        "writer takes to exist now; pay, canteen and other topics get a sentiment and no theme.",
    ),
    "note_tags_models": ("由模型 {models} 逐条判断", "made by the model {models}, comment by comment"),
    "note_tags_kept": (
        "{n} 条沿用表格里已有的标签，可能经人工改过",
        "{n:comment} kept the tags that stood in the table, perhaps corrected by hand",
    ),
    "note_interval_title": ("区间", "Intervals"),
    "note_interval": (
        "95% 区间用威尔逊法计算，只反映意见条数多少带来的波动，不包括模型判错和没有填写的人。"
        "百分比取整，相加可能不是 100%。",
        "95% Wilson intervals. They reflect the number of comments only, not mistakes of the model or people who did "
        "not answer. Percentages are rounded and need not add up to 100%.",
    ),
    "note_privacy_title": ("隐私", "Privacy"),
    "note_privacy": (
        "少于 {k} 条意见或少于 {k} 人的部门不单独展示{merged}，突出的词至少来自 {words} 条意见。"
        "摘录不显示部门，其中的电话、邮箱、身份证号、银行卡号、工号和账号已遮盖；"
        "人名和话里的线索无法自动识别，发出前请通读一遍摘录。",
        "Departments with fewer than {k} comments or people are not shown on their own{merged}; telling words come "
        "from at least {words} comments. Quotes do not show the department; phone numbers, e-mail addresses, identity, "
        "bank card and staff numbers and accounts in them are masked. Names of people and hints in the wording are not "
        "found automatically: read the quotes before you pass the report on.",
    ),
    "merged": ("（本次合并 {n} 个）", " ({n} merged here)"),
    "note_review_title": ("复核", "Review"),
    "note_review": (
        "{n} 条意见模型把握不大或未能读完，已在识别结果中标出，据此行动前请人工看一遍。",
        "The model is unsure of {n:comment} or could not read all of it; they are marked in the tagged table and "
        "should be read by a person before anyone acts on them.",
    ),
    "note_words_title": ("词与摘录", "Words and quotes"),
    "note_words": (
        "突出的词是在该主题的意见里比在其他意见里明显更常见的词（对数几率比），后面的数字是含这个词的意见条数。"
        "摘录挑的是判断明确、长短适中、互不重复的意见，不代表比例；底色标出的是判断所依据的文字。",
        "Telling words are clearly more frequent in the theme's comments than in the others (log-odds); the number is "
        "the comments that hold the word. Quotes are clear, readable and different from each other; they stand for no "
        "share. Highlighted is what the tag rests on.",
    ),
    "note_definitions": ("主题的含义", "What the themes mean"),
    # findings
    "f_top": ("提到最多的协作问题是“{theme}”", "{theme} is the problem raised most often"),
    "f_top_detail": (
        "{count} 条意见提到，占 {share}（95% 区间 {interval}）。",
        "It is in {count:comment}, {share} of all (95% interval {interval}).",
    ),
    "f_top_close": (
        "与“{second}”（{share}）的差距在误差范围内，两者宜同等看待。",
        "{second} ({share}) is within the margin of error: treat both alike.",
    ),
    "f_top_clear": ("明显多于排第二的“{second}”（{share}）。", "It stands clearly ahead of {second} ({share})."),
    "f_none": ("没有意见被归到任何协作问题", "No comment has any of the themes"),
    "f_none_detail": (
        "{n} 条意见里，模型没有标出任何主题。这不等于没有问题，可以抽看几条原文。",
        "The model tagged none of {n:comment}. That does not prove that all is well: read a few of them.",
    ),
    "f_empty": ("没有可以分析的意见", "There are no comments to analyse"),
    "f_empty_detail": ("读入的 {rows} 条都是空白。", "All of the rows read are blank ({rows})."),
    "f_any": ("{share}的意见谈到至少一类协作问题", "{share} of comments raise at least one problem"),
    "f_any_detail": (
        "{n} 条中有 {count} 条，其中 {several} 条同时谈到两类或更多；其余是肯定、中性陈述或其他话题。",
        "{count} of {n}; {several} of them raise two or more. The rest is praise, plain statement or other topics.",
    ),
    "f_negative": ("负面多于正面：{negative} 对 {positive}", "More negative than positive: {negative} to {positive}"),
    "f_positive": ("正面多于负面：{positive} 对 {negative}", "More positive than negative: {positive} to {negative}"),
    "f_even": ("正面与负面相当：{positive} 对 {negative}", "Positive and negative are even: {positive} to {negative}"),
    "f_neutral_detail": ("另有 {neutral} 为中性。", "Another {neutral} are neutral."),
    "f_mood_detail": (
        "各主题中，谈到“{theme}”的意见负面比例最高（{share}，共 {count} 条）。",
        "Among the themes, {theme} has the highest negative share ({share} of {count:comment}).",
    ),
    "f_mood_detail_some": (
        "在不少于 {enough} 条的主题中，谈到“{theme}”的意见负面比例最高（{share}，共 {count} 条）。",
        "Of the themes with at least {enough:comment}, {theme} has the highest negative share ({share} of "
        "{count:comment}).",
    ),
    "f_department": ("{department}的员工提到“{theme}”明显更多", "{department} raises {theme} clearly more often"),
    "f_department_detail": (
        "该部门 {total} 条意见中 {count} 条提到（{share}），整体为 {overall}。",
        "It is in {count} of their {total:comment} ({share}); overall it is {overall}.",
    ),
    "f_department_more": ("同样高于整体的还有：{list}。", "Also above the whole: {list}."),
    "f_department_item": ("{department}的“{theme}”（{share}）", "{theme} in {department} ({share})"),
    "f_same": ("各部门之间没有看出明显差别", "No department stands out"),
    "f_same_detail": (
        "没有部门在哪个主题上高出整体的幅度超过误差范围，不宜据此给部门排名。",
        "None is above the whole in any theme by more than chance explains: do not rank them by this.",
    ),
    "f_few": ("意见较少，比例只作参考", "Few comments: read the shares with care"),
    "f_few_detail": (
        "只有 {n} 条意见，一条就占 {one}；请以原文为主，不要据此比较或排名。",
        "There are {n:comment}, so a single one makes {one}. Go by the words themselves, and neither compare nor rank.",
    ),
    "f_review": ("{n} 条意见建议人工复核", "{n:comment} should be reviewed by a person"),
    "f_review_detail": (
        "占 {share}。模型对这些意见把握不大，已在识别结果中标出。",
        "That is {share}. The model is unsure of them; they are marked in the tagged table.",
    ),
    # what stands in place of personal data
    "mask_phone": ("[电话]", "[phone]"),
    "mask_email": ("[邮箱]", "[e-mail]"),
    "mask_id_card": ("[身份证号]", "[ID number]"),
    "mask_bank_card": ("[银行卡号]", "[bank card]"),
    "mask_staff_number": ("[工号]", "[staff number]"),
    "mask_account": ("[账号]", "[account]"),
}
