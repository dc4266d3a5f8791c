"""The theme schema: the file that ships, and what the reader refuses."""

import re
from pathlib import Path

import pytest
import yaml

from fbclass.errors import SchemaError
from fbclass.schema import ThemeSchema

FILE = Path(__file__).parents[1] / "data" / "themes.yaml"


@pytest.fixture(scope="module")
def data():
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def schema() -> ThemeSchema:
    return ThemeSchema.load(FILE)


def test_the_four_themes_in_their_order(schema) -> None:
    assert schema.ids == ("information_silo", "goal_conflict", "culture_gap", "slow_response")
    assert [schema[i].name("zh") for i in schema.ids] == ["信息孤岛", "目标冲突", "文化差异", "响应慢"]
    assert schema["slow_response"].name("en") == "Slow response"


def test_every_theme_is_complete(schema) -> None:
    for theme in schema.themes:
        assert len(theme.examples) >= 4
        assert len(theme.counts) >= 3 and len(theme.does_not_count) >= 3
        assert 3 <= len(theme.actions_zh) <= 5
        assert len(theme.actions_zh) == len(theme.actions_en), "the two languages list the same actions"
        for field in ("counts", "does_not_count", "examples", "actions_zh", "actions_en"):
            assert all(isinstance(line, str) and line.strip() for line in getattr(theme, field)), (theme.id, field)


def test_each_language_in_its_own_field(schema) -> None:
    for theme in schema.themes:
        english = [theme.name_en, theme.definition_en, *theme.actions_en]
        assert not any(re.search("[\u4e00-\u9fff]", line) for line in english)
        assert all(re.search("[\u4e00-\u9fff]", line) for line in [theme.definition_zh, *theme.actions_zh])


def test_boundaries_point_to_themes_that_exist(schema) -> None:
    pointed = {i for t in schema.themes for line in t.does_not_count for i in re.findall("[a-z]+_[a-z]+", line)}
    assert pointed and pointed <= set(schema.ids)


def test_no_example_stands_under_two_themes(schema) -> None:
    examples = [example for theme in schema.themes for example in theme.examples]
    assert len(examples) == len(set(examples))


def test_plain_data_and_back(schema) -> None:
    assert ThemeSchema.from_dict(schema.to_dict()) == schema


def test_hash_follows_the_ids_and_not_the_names(data) -> None:
    original = ThemeSchema.from_dict(data)
    renamed = {**data, "themes": [{**data["themes"][0], "name_zh": "别的名字"}, *data["themes"][1:]]}
    fewer = {**data, "themes": [{**data["themes"][0], "retired": True}, *data["themes"][1:]]}
    assert ThemeSchema.from_dict(renamed).hash == original.hash
    assert ThemeSchema.from_dict(fewer).hash != original.hash
    assert ThemeSchema.from_dict(fewer).ids == original.ids[1:]
    assert ThemeSchema.from_dict(fewer)["information_silo"].retired


def test_unknown_theme(schema) -> None:
    with pytest.raises(KeyError, match="no_such_theme"):
        schema["no_such_theme"]


@pytest.mark.parametrize(
    ("change", "english", "chinese"),
    [
        ({"id": "Slow Response"}, "'Slow Response' must be", "小写字母"),
        ({"id": "goal_conflict"}, "goal_conflict twice", "出现了两次"),
        ({"definition": "x"}, "unknown \\['definition'\\]", "多出字段"),
        ({"actions_zh": None}, "missing \\['actions_zh'\\]", "缺少字段"),
    ],
)
def test_what_is_wrong_is_named_in_both_languages(data, change, english, chinese) -> None:
    broken = {**data["themes"][0], **change}
    broken = {name: value for name, value in broken.items() if value is not None}
    with pytest.raises(SchemaError, match=english) as raised:
        ThemeSchema.from_dict({"version": "1", "themes": [broken, *data["themes"][1:]]}, "themes.yaml")
    assert chinese in raised.value.message("zh")
    assert "themes.yaml" in raised.value.message("en")


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "themes: []\n", "themes: [1]\n", "themes: {\n", "\ttab"])
def test_files_that_are_no_schema(content, tmp_path) -> None:
    path = tmp_path / "themes.yaml"
    path.write_text(content)
    with pytest.raises(SchemaError, match=re.escape(str(path))):
        ThemeSchema.load(path)


def test_a_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(SchemaError, match="cannot be read"):
        ThemeSchema.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("counts", "一段文字", "a list of texts"),
        ("examples", [], "a list of texts"),
        ("actions_zh", [{"建议": "x"}], "a list of texts"),
        ("name_zh", ["响应慢"], "a text"),
        ("definition_en", " ", "a text"),
        ("retired", "yes", "true or false"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(root, field, value, kind):
    data = ThemeSchema.load(root / "data" / "themes.yaml").to_dict()
    data["themes"][1][field] = value
    with pytest.raises(SchemaError, match=f"theme 2: {field} is .* must be {kind}"):
        ThemeSchema.from_dict(data)


def test_a_schema_without_a_theme_in_use_is_refused(root):
    data = ThemeSchema.load(root / "data" / "themes.yaml").to_dict()
    for theme in data["themes"]:
        theme["retired"] = True
    with pytest.raises(SchemaError, match="every theme is retired"):
        ThemeSchema.from_dict(data)
