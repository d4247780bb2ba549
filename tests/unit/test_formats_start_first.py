"""A strategy that two copies cannot follow is refused when the definition is read, not when the node is upgraded."""

import pytest

from paunchd import cli
from paunchd.formats import Origin, parse

BESIDE = "rollout: {strategy: start-first}"


def faults(text):
    return [str(fault) for fault in parse(text.encode(), Origin("web.yaml", "web")).faults]


@pytest.mark.parametrize(
    ("keys", "port"),
    [
        ("ports: ['8080:80']", "8080"),
        ("ports: ['127.0.0.1:8080:80']", "8080"),
        ("ports: ['[::1]:8080:80']", "8080"),
        ("ports: ['53:53/udp']", "53/udp"),
        ("ports: [{target: 80, published: 8080}]", "8080"),
        ("ports: ['8080:80', '8443:443']", "8080, 8443"),
        ("net: host, expose: [80]", "80"),
        ("net: host, ports: ['80']", "80"),
        ("network_mode: 'container:proxy', expose: ['53/udp']", "53/udp"),
    ],
)
def test_start_first_is_refused_where_host_ports_would_collide(keys, port):
    """Published on the host, or declared without a network of its own: only one copy can have the port."""
    (fault,) = faults(f"web: {{image: x, {keys}, {BESIDE}}}")
    assert "at web.rollout.strategy: " in fault
    assert fault.endswith(
        f"start-first runs two copies at once, and only one can have host port {port}; use stop-first"
    )


@pytest.mark.parametrize(
    "keys",
    ["net: host", "ports: ['80']", "ports: ['127.0.0.1::80']", "expose: [80]", "net: none, expose: [80]"],
)
def test_start_first_is_accepted_where_nothing_is_known_to_collide(keys):
    """A port of the engine's choosing or of a network of its own is no reason, and what is not declared is unknown."""
    assert faults(f"web: {{image: x, {keys}, {BESIDE}}}") == []


def test_the_strategy_of_the_whole_file_is_refused_at_the_ports_of_the_one_it_does_not_fit():
    """Where the header has the strategy, the fault is at what makes the definition unfit; the others are named not."""
    header = "x-paunchd: {rollout: {strategy: start-first}}\n"
    (fault,) = faults(f"{header}web: {{image: x}}\ndb:\n  image: x\n  ports: ['3306:3306']\n")
    assert fault.startswith("web.yaml:5:3 at db.ports: ")


def test_a_definition_may_go_its_own_way_from_the_strategy_of_its_file():
    """Its own `stop-first` counts, and tasks are never run twice at once anyway."""
    header = "x-paunchd: {rollout: {strategy: start-first}}\n"
    published = "image: x, ports: ['3306:3306']"
    assert faults(f"{header}db: {{{published}, rollout: {{strategy: stop-first}}}}") == []
    assert faults(f"{header}db: {{{published}, detach: false}}") == []


def test_check_tells_a_collision_before_the_file_is_in_place(tmp_path, capsys):
    """`paunchctl check` names file, place and key, and exits with 1."""
    file = tmp_path / "web.yaml"
    file.write_text("web:\n  image: x\n  ports: ['8080:80']\n  rollout:\n    strategy: start-first\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(file)])
    assert ended.value.code == 1
    assert "web.yaml:5:5 at web.rollout.strategy: start-first runs two copies" in capsys.readouterr().err
