"""Scenario files and overrides that can't be read, and whatever else may come as one."""

import pickle
from pathlib import Path

import pytest
from helpers.refusals import refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym import config
from ceas_gym.scenario import EpisodeSettings, Scenario

COUNT = "an integer from 1 to 2147483647"
SETTINGS = "name, network, hardware, learning, consensus, attack, episode"


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Returns the message about a text in my.yaml, without the name of the file."""
    monkeypatch.chdir(tmp_path)

    def refused(content: str | bytes) -> str:
        encoded = content.encode() if isinstance(content, str) else content
        Path("my.yaml").write_bytes(encoded)
        return refusal("my.yaml").removeprefix("my.yaml")

    return refused


# --- Files ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network:\n  nodes: 4\n  nodes: 5\n", "line 3: key nodes appears twice, first on line 2"),
        (
            "network: {}\nattack: {}\nnetwork: {}",
            "line 3: key network appears twice, first on line 1",
        ),
        ("5: 3", "line 1: key '5' is not text"),
        ("name: a\nyes: 3\nnull: 3", "line 3: key 'null' is not text"),
        ("? [a]\n: 3", "line 1: while constructing a mapping, found unhashable key"),
        ("name: a: b", "line 1: mapping values are not allowed here"),
        (
            "name: a\n\tb: c",
            "line 2: while scanning for the next token, "
            "found character '\\t' that cannot start any token",
        ),
        (
            "name: a\nnetwork: {",
            "line 2: while parsing a flow node, expected the node content, "
            "but found '<stream end>'",
        ),
        (
            "name: a\n---\nname: b",
            "line 2: expected a single document in the stream, but found another document",
        ),
        ("name: a\nnetwork: \x07", "line 2: character '\\x07' is not allowed"),
        ("name: !!float abc", "malformed value: could not convert string to float: 'abc'"),
        (
            "name: !!python/name:os.system",
            "line 1: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/name:os.system'",
        ),
        ("[" * 600, "nested too deeply"),
        ("{a: " * 600, "nested too deeply"),
    ],
)
def test_malformed_yaml_is_refused_in_these_words(refused, text, message):
    assert refused(text) == f": {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", " must be a mapping of sections, but is [1, 2]"),
        ("just words", " must be a mapping of sections, but is 'just words'"),
        ("false", " must be a mapping of sections, but is false"),
        (b"name: \xff", " can't be read: byte 6 is not UTF-8 text"),
    ],
)
def test_a_file_without_a_mapping_is_refused(refused, content, message):
    assert refused(content) == message


@pytest.mark.parametrize("escape", ["\\ud800", "\\UFFFFFFFF"])
def test_text_that_is_no_unicode_is_refused(refused, escape):
    assert refused(f'name: "{escape}"').startswith(": malformed value: ")


def test_a_list_of_lists_of_lists_is_refused_in_short(refused):
    lists = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    text = "\n".join(["a0: &a0 [1, 2]", *lists, "network: {lengths_km: *a29}"])
    assert len(refused(text)) < 500


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none.yaml", "no such file or directory"),
        ("none/my", "no such file or directory"),
        (".", "is a directory"),
        (Path("none"), "no such file or directory"),
        ("loop.yaml", "too many levels of symbolic links"),
        ("a\0.yaml", "embedded null byte"),
    ],
)
def test_a_path_without_a_readable_file_is_refused(tmp_path, monkeypatch, path, reason):
    monkeypatch.chdir(tmp_path)
    Path("loop.yaml").symlink_to("loop.yaml")
    name = str(path).replace("\0", "\\x00")
    assert refusal(path) == f"{name} can't be read: {reason}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tinny", " (did you mean tiny?)"),
        ("PAPER", " (did you mean paper?)"),
        ("", ""),
        ("xyz", ""),
    ],
)
def test_an_unknown_name_is_refused(name, hint):
    names = ", ".join(config.shipped())
    assert "metro, metro-committee, metro-loop, micro" in names
    known = f"shipped are {names}, and the name of a file ends in .yaml"
    assert refusal(name) == f"scenario '{name}' is unknown{hint}; {known}"
    with pytest.raises(config.ScenarioError, match="is unknown"):
        config.describe(name)


@pytest.mark.parametrize(("scenario", "shown"), [(None, "null"), (5, "5"), ({}, "{}")])
def test_what_is_no_scenario_is_refused(scenario, shown):
    expected = "a shipped name, a path or a Scenario"
    assert refusal(scenario) == f"scenario must be {expected}, but is {shown}"


# --- Overrides ---


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nodes": 4}, "overrides: nodes is not a setting; did you mean network.nodes?"),
        (
            {"network.nodes.x": 4},
            f"overrides: network.nodes.x is not a setting; a scenario has {SETTINGS}",
        ),
        (
            {"x": 4, "y.z": 5},
            f"overrides: x is not a setting; a scenario has {SETTINGS} (and 1 more)",
        ),
        ({"": 4}, f"overrides: the empty key is not a setting; a scenario has {SETTINGS}"),
        ({5: 4}, f"overrides: 5 is not a setting; a scenario has {SETTINGS}"),
        (
            {"consensus.key": {"security_bits": 3}},
            "overrides: consensus.key is a section; override its keys, "
            "such as consensus.key.accounting",
        ),
        ({"episode.rounds": "12"}, f"overrides: episode.rounds must be {COUNT}, but is '12'"),
        ({"episode.rounds": 10**5000}, f"overrides: episode.rounds must be {COUNT}, but is inf"),
        (
            {"episode.rounds": -(10**5000)},
            f"overrides: episode.rounds must be {COUNT}, but is -inf",
        ),
        (
            {"network.lengths_km": [1, None]},
            "overrides: network.lengths_km[1] must be a finite number from 0 to 100000, "
            "but is null",
        ),
        (
            {"network.nodes": 4},
            "scenario small with overrides: attack.byzantine_nodes = 2 is not below half of "
            "network.nodes = 4: no rule withstands that many; set it to 1 at most",
        ),
    ],
)
def test_overrides_are_refused_in_these_words(overrides, message):
    assert refusal("small", overrides) == message


def test_a_file_is_named_for_what_no_override_says(refused):
    assert refused("network: {channels: 0}").startswith(": network.channels")
    assert refusal("my.yaml", {"attack.name": "none"}).startswith("my.yaml: network.channels")
    assert config.load("my.yaml", {"network.channels": 3}).network.channels == 3
    Path("my.yaml").write_text("network: 5")
    assert refusal("my.yaml", {"network.nodes": 7}).startswith("my.yaml: network must be a mapping")


def test_an_edited_copy_of_a_scenario_is_checked_again():
    edited = Scenario().model_copy(update={"episode": EpisodeSettings.model_construct(rounds=0)})
    assert refusal(edited) == f"scenario: episode.rounds must be {COUNT}, but is 0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rounds", "override 'rounds' is not of the form section.field=value"),
        (" =5", "override ' =5' is not of the form section.field=value"),
        ("a=b: c: d", "override 'a=b: c: d': line 1: mapping values are not allowed here"),
    ],
)
def test_a_malformed_override_is_refused(text, message):
    with pytest.raises(config.ScenarioError) as caught:
        config.parse_override(text)
    assert str(caught.value) == message


# --- Anything ---


def test_the_error_travels_between_processes():
    error = config.ScenarioError("a\n b\x07")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "a b\\x07"


GRAPH = {"hub": "a", "relays": ["r"], "edges": [["a", "r", 1], ["r", "b", 2.5, 3]]}
STAR = config.dump(config.load("tiny", {"network.lengths_km": [1, 2, 3, 4]}))
ROUTED = config.dump(config.load("tiny", {"network.graph": GRAPH, "attack.byzantine_nodes": 0}))
FRAGMENTS = [*"{}[]:,#&*!|>'\"%@`-?<=~ \n\t\\019.e_é\x00\x85\ufeff", "---\n", "!!int ", "&a ", "*a"]
FRAGMENTS += [
    "!!bool ",
    "? ",
    "<<: ",
    "null",
    "true",
    ".inf",
    "-1",
    "1e999",
    "nodes: ",
    "network:\n",
]
EDIT = st.tuples(st.integers(0, len(STAR)), st.integers(0, 9), st.sampled_from(FRAGMENTS))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("mutated") / "my.yaml"


@pytest.mark.parametrize("text", [STAR, ROUTED], ids=["star", "routed"])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(edits=st.lists(EDIT, min_size=1, max_size=3))
def test_a_mutated_file_loads_or_is_refused_in_one_line(file, text, edits):
    for start, removed, inserted in edits:
        text = text[:start] + inserted + text[start + removed :]
    file.write_text(text, encoding="utf-8", newline="")
    outcome = attempt(file)
    if isinstance(outcome, Scenario):
        assert config.load(outcome) == outcome
    else:
        assert outcome.isprintable()
        assert outcome.startswith(str(file))


def attempt(file: Path) -> Scenario | str:
    try:
        return config.load(file)
    except config.ScenarioError as error:
        return str(error)
