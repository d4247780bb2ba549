"""What a definition says of its config files, and which of what it mounts they are."""

import pytest
from pydantic import ValidationError

from paunchd.spec import Command, ConfigFiles, ContainerSpec, Signal, config_hash, dump, load

ROOTS = ("/var/lib/config-data", "/var/lib/kolla/config_files")


def spec(**keys):
    return ContainerSpec.model_validate({"image": "x", **keys})


def sources(*volumes, **keys):
    return spec(volumes=list(volumes), **keys).read_below(ROOTS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("replace", "replace"),
        ("restart", "restart"),
        ("none", "none"),
        (None, "replace"),
        ("signal:hup", Signal("SIGHUP")),
        ({"signal": "USR1"}, Signal("SIGUSR1")),
        ({"exec": ["kolla_set_configs"]}, Command(("kolla_set_configs",))),
        ("exec:nginx -s reload", Command(("nginx", "-s", "reload"))),
    ],
)
def test_what_a_change_does_can_be_written_in_few_ways(written, meant):
    """Each is understood, survives the store, and is no part of the hash: a change of it replaces nothing."""
    made = spec(config_files={"on_change": written, "include": "/etc/pki", "exclude": ["*.ring.gz", ""]})
    assert made.reads == ConfigFiles(("/etc/pki",), ("*.ring.gz",), meant)
    assert load(dump(made)).reads == made.reads
    assert config_hash(made) == config_hash(spec())


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"on_change": "reload"}, "'reload' is none of replace, restart, none"),
        ({"on_change": "signal:"}, "none of replace"),
        ({"on_change": {"exec": []}}, "none of replace"),
        ({"on_change": ["restart"]}, "none of replace"),
        ({"excludes": "x"}, "unknown key `excludes`; did you mean `exclude`?"),
        ({"exclude": ["/etc/nova"]}, "exclude: '/etc/nova' is absolute"),
        ("nova.conf", "a mapping of include, exclude, on_change"),
    ],
)
def test_what_cannot_be_understood_is_refused(written, why):
    """The message names what is wrong and what could be meant."""
    with pytest.raises(ValidationError) as caught:
        spec(config_files=written)
    assert why in str(caught.value)


def test_no_message_shows_a_command():
    """A command may hold a secret."""
    with pytest.raises(ValidationError) as caught:
        spec(config_files={"on_change": {"exec": ["a", "secret"], "signal": "HUP"}})
    assert "secret" not in str(caught.value.errors()[0]["ctx"]["error"])


def test_t084_whatever_is_mounted_from_a_root_counts():
    """Sub-paths, single files, shared volumes and puppet-generated ones (T-084); each path once (T-086)."""
    assert sources(
        "/var/lib/config-data/nova/etc/nova/:/etc/nova/:ro",
        "/var/lib/config-data/nova/etc/my.cnf.d/tripleo.cnf:/etc/my.cnf.d/tripleo.cnf:ro",
        "/var/lib/config-data/puppet-generated/nova:/var/lib/kolla/config_files/src:ro,z",
        "/var/lib/config-data/puppet-generated/nova/:/again:ro",
        "/var/lib/kolla/config_files/mysql.json:/var/lib/kolla/config_files/config.json",
    ) == (
        "/var/lib/config-data/nova/etc/nova",
        "/var/lib/config-data/nova/etc/my.cnf.d/tripleo.cnf",
        "/var/lib/config-data/puppet-generated/nova",
        "/var/lib/kolla/config_files/mysql.json",
    )


@pytest.mark.parametrize(
    "volume",
    [
        "/var/lib/config-data-other/x:/x:ro",
        "/var/lib/nova:/var/lib/nova",
        "/var/lib:/var/lib:ro",
        "/var/lib/config-data/../nova:/x:ro",
        "config-data:/x",
        "/var/lib/config-data",
        "/var/lib/config-data/puppet-generated/swift:/etc/swift:rw,z",
    ],
)
def test_what_is_elsewhere_or_the_containers_own_to_write_does_not_count(volume):
    """Neither a path beside the roots, nor a named volume, nor what is mounted `rw` on purpose (T-085, T-086)."""
    assert sources(volume) == ()


def test_env_files_and_what_a_definition_names_count_wherever_they_are():
    """An env_file is read when a container is made; certificates and scripts can be named."""
    found = sources(
        "/var/lib/config-data:/c:ro", env_file="/etc/web.env", config_files={"include": ["/etc/pki/", "*.conf"]}
    )
    assert found == ("/var/lib/config-data", "/etc/web.env", "/etc/pki")
