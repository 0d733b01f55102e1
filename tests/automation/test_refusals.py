"""What a rule gets wrong is said with its line, its column and the nearest right name."""

import pytest

from coworker_pipelines.automation.rules.text import RuleRefusedError, read_rule
from tests.automation.rules import LARGE


def refusals(text: str) -> list[str]:
    with pytest.raises(RuleRefusedError) as caught:
        read_rule(text)
    assert (
        str(caught.value)
        == f"{caught.value.refusals[0].place}: {caught.value.refusals[0].sentence}"
    )
    return [f"{one.place}: {one.sentence}" for one in caught.value.refusals]


@pytest.mark.parametrize(
    ("written", "wrong", "said"),
    (
        ("kinds: [git]", "kinds: [gti]", "4:11: There is no kind 'gti'. Did you mean 'git'?"),
        ("[commits]", "[commit]", "5:13: There is no stream 'commit'. Did you mean 'commits'?"),
        ("[Commit]", "[Comit]", "6:11: This is none of its words. Did you mean 'Commit'?"),
        ("[Commit]", "[Tag]", "6:11: What triggers it never tells 'Tag'."),
        (".lines_added >", ".lines_add >", "9:22: message.attributes has no 'lines_add'. Did you"),
        ("> 1000", '> "1"', "9:34: '>' compares a whole number with a text."),
        ("> 1000", "> 1.5", "9:36: Only whole decimal numbers"),
        ("> 1000", "> now()", "9:36: There is no clock"),
        ("> 1000", "> random()", "9:36: There is no chance"),
        (
            "has(message.attributes.lines_added) &&\n ",
            "",
            "8:4: message.attributes.lin",
        ),
        ("create_task:", "create_tsk:", "11:5: There is no action 'create_tsk'. Did you mean"),
        ("list: reviews\n      t", "lst: reviews\n      t", "11:5: create_task wants 'list'"),
        ('"Look at " + mes', '"Look at " + mse', "14:28: There is no name 'msesage'. Did you mean"),
        ('"Look at " + mes', "1 + mes", "14:19: '+' wants a whole number"),
        ('"Look at " + message.object.id', "7", "14:15: This is a whole number; a text is wanted."),
        ("{name: large}", "{name: Large}", "15:17: A name has lower-case letters"),
        ("{name: large}", "{name: {cel: message.id}}", "15:11: This is not computed"),
        ("{name: large}", "{nme: large}", "15:11: tag has no 'nme'. Did you mean 'name'?"),
        ("version: 1", "version: one", "2:10: A whole number is wanted here."),
        ("version: 1", "version: 1\nversion: 2", "3:1: 'version' stands here twice."),
        ("version: 1", "version: 0", "2:10: "),
        ("id: large", "id: Large Commit", "1:5: A name has lower-case letters"),
        ("when:", "wen:", "7:1: There is no 'wen' here. Did you mean 'when'?"),
        ("then:\n", "then: 5\nx:\n", "10:7: A list is wanted here."),
        ("id: large", "id: &a large", None),
        ("id: large", "id: large\ndescription: *b", "2:14: This is no YAML: found undefined alias"),
        ("id: large", "id: !x large", "1:5: Tags are not used in rules."),
        ("id: large", "id: [large", "2:8: This is no YAML"),
        (
            "lines_added: 1001",
            "lines_aded: 1001",
            "20:20: git commits has no attribute",
        ),
        ("lines_added: 1001", 'lines_added: "1"', "20:33: lines_added is a whole number."),
        ("priority", "priority", None),
        ("id: large", "id: large\nvalid_from: 2026-01-01", "2:13: A time needs its zone"),
        ("id: large", "id: large\nvalid_from: no", "2:13: A time is wanted here"),
        (
            "id: large",
            "id: large\nvalid_from: 2026-02-01T00:00:00Z\nvalid_to: 2026-01-01T00:00:00Z",
            "1:1: valid_to must lie after valid_from.",
        ),
    ),
)
def test_each_mistake_has_its_place_and_its_sentence(
    written: str, wrong: str, said: str | None
) -> None:
    text = LARGE.replace(written, wrong, 1)
    if said is None:
        assert read_rule(text).rule.id == "large"
        return
    assert any(one.startswith(said) for one in refusals(text)), refusals(text)


def test_all_mistakes_are_said_at_once_in_their_order() -> None:
    text = (
        LARGE.replace("> 1000", "> '1'")
        .replace("tag:", "tga:")
        .replace("lines_added: 1000", "x: 1")
    )
    places = [one.split(": ")[0] for one in refusals(text)]
    assert places == ["9:34", "15:5", "26:20"]


@pytest.mark.parametrize(
    "style",
    (
        "when: message.object.id == mesage.id",
        "when: 'message.object.id == mesage.id'",
        'when: "message.object.id == mesage.id"',
        "when: |\n  message.object.id ==\n  mesage.id",
        "when: >-\n\n  message.object.id ==\n\n\n    mesage.id",
        "when: 'message.object.id == \"it''s\" ||\n  mesage.id == \"\"'",
        'when: "message.object.id == \\"\\u00e4\\\\n\\" ||\n  mesage.id == \'\'"',
    ),
)
def test_a_place_is_right_however_the_text_is_written(style: str) -> None:
    head, _, tail = LARGE.partition("when:")
    text = f"{head}{style}\n{tail[tail.index('then:') :]}"
    lines = text.splitlines()
    line = next(number for number, content in enumerate(lines, 1) if "mesage" in content)
    column = lines[line - 1].index("mesage") + 1
    assert refusals(text)[0].startswith(f"{line}:{column}: There is no name 'mesage'.")


@pytest.mark.parametrize(
    "text",
    ("", "   \n", "5", "[1, 2]", "\x00", "a: b: c", "- x\n- y", "{" * 2_000, "x: " + "y" * 70_000),
)
def test_what_is_no_rule_at_all_is_refused(text: str) -> None:
    assert refusals(text)


@pytest.mark.parametrize(
    ("condition", "said"),
    (
        ("(" * 40 + "true" + ")" * 40, "nested 16 deep at the most"),
        ("&&".join(["1<2"] * 120), "400 words at the most"),
        ('"' + "a" * 2_000 + '" == message.id', "2,000 characters at the most"),
        ("message.actor == message.id", "message.actor may be missing"),
        ('has(message.actor) && message.actor == "ann"', "compares a person's key with a text"),
        ('message.kind == "sql"', "It never is 'sql'"),
        ('message.verb in ["Commit", "Comit"]', "It never is 'Comit'. Did you mean 'Commit'?"),
        ("message.object", "a group of names; true or false is wanted"),
        ("message.verb.startswith(message.id)", "Did you mean 'startsWith'?"),
        ("message.attributes.parents.exists(message, true)", "cannot be the name of an item"),
        ("message.attributes.parents[0].name == message.id", "Only names have names below them"),
        ("message.id.matches(message.verb)", "A pattern is a plain text"),
        ("message.id.matches('a**')", "repeats nothing"),
        ("message.id.matches('(a')", "open group or class"),
        ("message.id.matches('a{500}')", "100 times at the most"),
        ("timestamp(message.id) == timestamp(message.id)", "takes message.time"),
        ("timestamp('yesterday') == timestamp('2026-01-01T00:00:00Z')", "Write a time in UTC"),
        ("connection.nam == message.id", "Did you mean 'name'?"),
        ("true // why", "Comments belong into the YAML"),
        ("{'a': 1} == 1", "Maps are not part of the language"),
        ("!!true", "no '!' at all"),
        ("1 < 2 < 3", "has two sides"),
        ("message.id = 'a'", "write '=='"),
        ("message.id == 'a", "no closing quote"),
        ("size(message.attributes.parents, 1) == 1", "takes one value"),
        ("true ? 1 : 'a'", "Both sides of ':' have one type"),
        ("9223372036854775808 > 1", "too large"),
    ),
)
def test_a_condition_that_makes_no_sense_is_refused(condition: str, said: str) -> None:
    head, _, tail = LARGE.partition("when:")
    quoted = condition.replace("'", "''")
    text = f"{head}when: '{quoted}'\n{tail[tail.index('then:') :]}"
    assert said in refusals(text)[0]
