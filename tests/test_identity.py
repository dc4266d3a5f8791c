import json
from pathlib import Path

import pytest

from fbclass.identity import find_identity_words
from fbclass.text import normalize

BEHAVIOUR = Path(__file__).parents[1] / "data" / "behaviour" / "invariance.jsonl"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("成都分公司的工单三天没人接", "黑龙江分公司的工单三天没人接"),
        ("德国同事的邮件没人回", "印度尼西亚同事的邮件没人回"),
        ("她说财务一直没批", "他说财务一直没批"),
        ("新来的女同事不知道流程", "新来的男同事不知道流程"),
        ("95后员工反映食堂贵", "七零后员工反映食堂贵"),
        ("老周那边没回音", "小周那边没回音"),
        ("臺北總部沒通知我們", "东京总部没通知我们"),
        ("日方工程师改了图纸", "美方工程师改了图纸"),
        ("部门平均年龄28岁", "部门平均年龄45岁"),
        ("95后的同事没人带", "85 后的同事没人带"),
        ("台企来的主管", "日企来的主管"),
        ("只发德语版本", "只发韩语版本"),
    ],
)
def test_the_model_reads_the_same(one: str, other: str) -> None:
    assert normalize(one).text == normalize(other).text


@pytest.mark.parametrize(
    "text",
    [
        "每件事等他们完成都要两周",
        "上线后变成都是手工导",
        "提成都没发",
        "东西安排好了没人说",
        "把东西藏起来",
        "操作指南方案不全",
        "指南非常清楚",
        "推广东西没有预算",
        "推广西区的方案",
        "今日方便的话回个信",
        "次日方可办理",
        "三个工作日方能到账",
        "领导同意方能请假",
        "合法方可",
        "每日语音会",
        "每日文案",
        "注意语气",
        "注意文化差异",
        "算法语料",
        "平台企业内部信",
        "后台资料",
        "今日企业微信没通知",
        "老师傅的经验没写下来",
        "老任务没清",
        "领导老周末开会",
        "老胡来",
        "老顾客投诉",
        "元老王",
        "这是老黄历",
        "平台中心不通知",
        "柜台北侧",
        "大厦门禁坏了",
        "隆重庆祝",
        "营口径两套",
        "五点05后台报错",
        "18:30后没人接",
        "绩效85后面再说",
        "喝西北风",
        "网上海量数据没人管",
        "子女教育补贴",
        "妇女节",
        "父母亲都来了",
        "夫妻子女随迁",
        "小姐妹聚餐",
        "其中国家标准",
        "节假日本来就少",
        "方法国外也用",
        "班长春节值班",
        "天津贴没发",
        "优惠州里没有",
        "女工委活动",
        "男女员工一样",
    ],
)
def test_words_that_only_look_like_one_stay(text: str) -> None:
    assert list(find_identity_words(text)) == []


def test_people_set_against_each_other_stay() -> None:
    for text in ("男同事升得快，女同事升不了", "90后和00后习惯不同", "70后班长不懂95后"):
        assert list(find_identity_words(text)) == []


def test_spans_cover_the_whole_name() -> None:
    text = "請黑龍江分公司盡快回覆"
    normalized = normalize(text)
    start = normalized.text.index("某地")
    assert text[slice(*normalized.to_original(start, start + 2))] == "黑龍江"
    start = normalized.text.index("分公司")
    assert text[slice(*normalized.to_original(start, start + 3))] == "分公司"


def test_most_of_the_behaviour_cases_read_the_same_word_for_word() -> None:
    """Changing a region, a nation or a sex there changes nothing that the model can see, in nine of ten pairs."""
    cases = [json.loads(line) for line in BEHAVIOUR.read_text(encoding="utf-8").splitlines()]
    pairs = [
        normalize(case["text"]).text == normalize(variant).text
        for case in cases
        if case["capability"] in ("region", "nationality", "gender")
        for variant in case["variants"]
    ]
    assert sum(pairs) / len(pairs) > 0.9
