"""One file's bytes into definitions or pointed faults."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paunchd.formats import Origin, parse
from paunchd.formats.document import DocumentError, read_json, with_places
from paunchd.formats.yaml_document import read_yaml
from paunchd.spec import Rollout


def read(text, path="web.yaml", **origin):
    data = text if isinstance(text, bytes) else text.encode()
    return parse(data, Origin(path, "web", **origin))


def only(parsed):
    assert len(parsed.faults) == 1, parsed.faults
    assert not parsed.definitions
    return str(parsed.faults[0])


def test_a_file_of_definitions():
    """Names map to specs; other top-level x- keys are ignored."""
    found = read("x-common: &c {image: y}\nweb: {image: x}\ndb:\n  <<: *c\n  user: 0\n")
    assert (found.faults, found.warnings, found.config_id, found.step) == ((), (), "web", None)
    assert {name: spec.image for name, spec in found.definitions.items()} == {"web": "x", "db": "y"}


def test_a_file_of_one_definition():
    """In the layout of one file a container, the top level is the definition."""
    found = read('{"image": "x", "x-paunchd": {"step": 2}}', "s/db.json", name="db")
    assert (list(found.definitions), found.step) == (["db"], 2)


@pytest.mark.parametrize("content", ["", "  \n", "null", "{}", "---\n", "# nothing", "[]", '""'])
@pytest.mark.parametrize("path", ["a.json", "a.yaml"])
def test_t094_an_empty_file_declares_nothing(content, path):
    """An empty or null file means no containers and is not broken (T-094)."""
    if path == "a.json" and content.startswith(("---", "#")):
        return
    assert (read(content, path).faults, dict(read(content, path).definitions)) == ((), {})


def test_the_header_gives_what_the_name_cannot():
    """`x-paunchd` names config and step, and a rollout under each container's own."""
    found = read(
        "x-paunchd: {config_id: tripleo_step3, step: 3, rollout: {group: config, probation_seconds: 1m}}\n"
        "web: {image: x}\ndb: {image: x, rollout: {probation_seconds: 5}}\n"
    )
    assert (found.config_id, found.step) == ("tripleo_step3", 3)
    assert found.definitions["web"].rollout == Rollout(group="tripleo_step3", probation_seconds=60)
    assert found.definitions["db"].rollout == Rollout(group="tripleo_step3", probation_seconds=5)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("x", "a mapping of config_id, step, rollout is expected"),
        ("{stepp: 1}", "did you mean `step`?"),
        ("{step: -1}", "-1 is negative"),
        ("{config_id: a/b}", "a config_id is a word"),
        ("{rollout: {group: 1, x: 2}}", "unknown key `x`"),
    ],
)
def test_a_wrong_header_is_a_fault(header, says):
    """A mistake in `x-paunchd` breaks the file and says where."""
    assert says in only(read(f"x-paunchd: {header}\nweb: {{image: x}}"))


# --- unknown keys --------------------------------------------------------------------------------------------------


def test_t044_a_misspelt_key_names_the_closest():
    """`prigileged` is an error that knows what was meant, with its place (T-044)."""
    found = only(read("web:\n  image: x\n  prigileged: true\n"))
    assert found == "web.yaml:3:3 at web.prigileged: unknown key `prigileged`; did you mean `privileged`?"


def test_a_stray_key_is_a_warning_where_templates_have_them():
    """Files in TripleO's layouts keep their containers in spite of a stray key."""
    found = read('{"web": {"image": "x",\n  "config_volume": "a"}}', "a.json", strict=False)
    assert list(found.definitions) == ["web"]
    [warning] = found.warnings
    assert str(warning).startswith("a.json:2:3 at web.config_volume: unknown key `config_volume`")


def test_a_key_without_effect_is_a_warning_everywhere():
    """Keys that only systemd or podman understood are accepted and noted."""
    found = read("web: {image: x, check_interval: 5}")
    assert "has no effect" in str(found.warnings[0])
    assert list(found.definitions) == ["web"]


def test_an_unknown_key_inside_a_healthcheck_is_found():
    """Nested keys are checked as well."""
    assert "web.healthcheck.intervall" in only(read("web: {image: x, healthcheck: {test: a, intervall: 1}}"))


# --- faults --------------------------------------------------------------------------------------------------------


def test_every_fault_of_a_file_is_reported():
    """One run shows all that is wrong, and one bad definition breaks the file."""
    found = read("good: {image: x}\nbad: {image: x, mem_limit: lots, tty: 1}\nweb.prev: {image: x}\nnone: {}")
    assert [fault.key for fault in found.faults] == ["bad.tty", "bad.mem_limit", "web.prev", "none"]
    assert (found.names, dict(found.definitions)) == ({"good", "bad", "web.prev", "none"}, {})


def test_a_fault_is_placed_under_the_key_as_it_was_spelt():
    """An alias is reported by the spelling in the file, a nested value by its own key."""
    assert "web.yaml:1:17 at web.network_mode" in only(read("web: {image: x, network_mode: {a: b}}"))
    assert "at web.healthcheck.interval:" in only(read("web: {image: x, healthcheck: {interval: soon}}"))
    assert "at web.command:" in only(read("web: {action: exec, command: x}"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("web:\n\timage: x", "web.yaml:2:1: no valid YAML: a tab in the indentation"),
        ("web: {image: x}\nweb: {image: y}", "web.yaml:2:1 at web: the key `web` is there twice"),
        ("web: {image: x, image: y}", "web.yaml:1:17 at image: the key `image` is there twice"),
        (b"web: {image: \0}", "web.yaml:1:14: a NUL byte"),
        (b"a\nweb: \xff", "web.yaml:2:6: the text is not UTF-8"),
        ("- a", "a mapping of container names to definitions"),
        ("web: [", "no valid YAML"),
        ("web: x", "a definition is a mapping"),
        ("a: 1\n---\nb: 2", "web.yaml:2:1: a second YAML document"),
        ("web: *x", "names nothing before it"),
        ("web: &a [*a]", "names nothing before it"),
        ("web: !!python/object:os.system {}", "a tag that is not known here"),
        ("web: !!int x", "no value of the type int"),
        ("? [a]\n: b", "a key that is no plain text"),
        ("web: {<<: [x]}", "merges mappings only"),
        ("[" * 100000, "nested too deeply"),
        ("web: {image: !!binary aGFsbG8=}", "is not known here"),
        ("a: \x01", "no valid YAML"),
    ],
)
def test_s13_a_broken_yaml_file_says_where_and_why(content, says):
    """Each way to break a YAML file ends in one plain sentence with its place (S-13)."""
    assert says in only(read(content))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"web": {"image": "x"},\n "web": {}}', "web.json:2:2 at web: the key `web` is there twice"),
        ('{"web": }', "web.json:1:9: no valid JSON: Expecting value"),
        ('{"web": NaN}', "NaN is no JSON value"),
        ("[" * 100000, "nested too deeply"),
        ('{"web": {"image": "a\\u0000b"}}', "web.json:1:10 at web.image: a NUL"),
        ('{"web": {"image": "\\ud83d"}}', "half a surrogate pair"),
        ('{"web": {"start_order": %s}}' % ("9" * 5000), "too many digits"),
    ],
)
def test_s13_a_broken_json_file_says_where_and_why(content, says):
    """Each way to break a JSON file ends in one plain sentence with its place (S-13)."""
    assert says in only(read(content, "web.json"))


def test_s13_an_alias_bomb_is_refused_at_once():
    """Aliases are counted as if copied, and never are (S-13)."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    started = time.monotonic()
    assert "aliases counted in full" in only(read("\n".join(lines)))
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("line", ["c%d: {image: x}\n", '"c%d": {"image": "x"},\n'])
def test_s13_ten_thousand_definitions_are_refused(line):
    """A file of 10 000 containers is a mistake, and finding that out is quick (S-13)."""
    text = "".join(line % number for number in range(10000))
    path = "web.yaml"
    if text.startswith('"'):
        text, path = "{" + text.rstrip(",\n") + "}", "web.json"
    started = time.monotonic()
    assert "10000 definitions in one file" in only(read(text, path))
    assert time.monotonic() - started < 5


def test_t097_a_fault_never_quotes_an_environment_value_or_a_command():
    """What may be a secret stays in the file (T-097)."""
    for keys in (
        "environment: {P: [hunter2]}",
        "environment: [{P: hunter2}]",
        "command: {a: hunter2}",
        "command: [[hunter2]]",
        "environment: {P: *hunter2 }",
        "environment: {P: !hunter2 x}",
        "environment: {P: @hunter2}",
        "healthcheck: {test: [hunter2]}",
    ):
        assert "hunter2" not in only(read(f"web: {{image: x, {keys}}}"))


# --- types ---------------------------------------------------------------------------------------------------------


def test_t115_json_is_read_as_json():
    """Emoji, escaped emoji and 1e22 come through, in .json and in .yaml files that hold JSON (T-115)."""
    text = '{"web": {"image": "x", "environment": {"A": "\\ud83d\\ude00", "B": "😀", "C": 1e22}}}'
    for path in ("a.json", "a.yaml"):
        assert read(text, path).definitions["web"].environment == (("A", "😀"), ("B", "😀"), ("C", "1e+22"))


def test_yaml_knows_no_surprising_types():
    """Dates, base 60 and octal numbers stay the text they are; a key is always text."""
    found = read_yaml("on: yes\nd: 2024-01-01\np: 22:22\nm: 0644\nn: 12\nf: 1.5\nz: ~\ns: '1'\ne: 1e22\n")
    assert found.value == {
        "on": True, "d": "2024-01-01", "p": "22:22", "m": "0644", "n": 12, "f": 1.5, "z": None, "s": "1", "e": "1e22",
    }  # fmt: skip


def test_yaml_flow_style_that_is_no_json_is_still_yaml():
    """A brace at the start does not make YAML a mistake."""
    assert list(read("{web: {image: x}}").definitions) == ["web"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_json_places_name_every_value(value):
    """The locator walks exactly what the reader read."""
    text = json.dumps(value, indent=1)
    document = with_places(read_json(text), text)

    def paths(item, path=()):
        inner = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        for key, element in inner:
            yield (*path, key)
            yield from paths(element, (*path, key))

    assert set(document.places) == set(paths(document.value))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_nothing_makes_parse_raise(data):
    """Any bytes are a file or a fault."""
    for path in ("a.yaml", "a.json"):
        parse(data, Origin(path, "a"))


@given(st.text("{}[]:,&*!|>'\"#-?%@ \nab<\t~1.", max_size=60))
def test_no_yaml_makes_the_reader_raise_anything_else(text):
    """Whatever YAML does, one kind of error comes out."""
    with contextlib.suppress(DocumentError):
        read_yaml(text)
