"""The equivalent docker command line."""

import shlex

from paunchd.render import quoted, render
from paunchd.spec import ContainerSpec


def line(**keys):
    return render("web", ContainerSpec.model_validate({"image": "x", **keys}))


def test_a_container_detaches_and_a_task_does_not():
    """What runs on is detached, what runs once is waited for."""
    assert line(command="sleep 5") == ["docker", "run", "--name", "web", "--detach=true", "x", "sleep", "5"]
    assert line(detach=False, command=["a", ""]) == ["docker", "run", "--name", "web", "x", "a", ""]


def test_t040_environment_comes_after_env_file():
    """The later option wins, so the definition's own values do (T-040)."""
    found = line(env_file="/e", environment=["A=1", "B"])
    assert found[5:8] == ["--env-file=/e", "--env=A=1", "--env=B"]


def test_t046_a_health_command_is_one_argument():
    """The test is one unquoted argument; the printed line quotes it for a shell (T-046)."""
    found = line(healthcheck={"test": "curl -f 'a b'", "interval": "10s", "retries": 3})
    assert "--health-cmd=curl -f 'a b'" in found
    assert {"--health-interval=10s", "--health-retries=3"} <= set(found)
    assert shlex.split(quoted(found)) == found
    assert "--no-healthcheck" in line(healthcheck={"disable": True})
    assert "--health-cmd=wget -q 'a b'" in line(healthcheck={"test": ["CMD", "wget", "-q", "a b"]})


def test_t043_each_list_has_its_own_option():
    """Every element is an option of its own, under docker's name for it (T-043)."""
    found = line(volumes_from=["a", "b"], cap_add="ALL", ulimit="nofile=5", labels={"k": "v"}, log_tag="t")
    assert found[5:-1] == [
        "--ulimit=nofile=5",
        "--volumes-from=a",
        "--volumes-from=b",
        "--cap-add=ALL",
        "--label=k=v",
        "--log-opt=tag=t",
    ]


def test_only_what_was_set_is_printed():
    """A switch that is off is not there, `privileged` is there as it was set."""
    assert line(tty=False, privileged=False)[5:-1] == ["--privileged=false"]
    assert line(tty=True, remove=True, cpus=2, mem_limit="1k")[5:-1] == ["--cpus=2", "--memory=1024", "--tty", "--rm"]


def test_an_entrypoints_arguments_follow_the_image():
    """Docker takes one word as entrypoint; the rest goes before the command."""
    assert line(entrypoint=["a", "b"], command=["c"])[5:] == ["--entrypoint=a", "x", "b", "c"]


def test_an_exec_is_a_docker_exec():
    """An exec is printed as docker exec in its target."""
    spec = ContainerSpec.model_validate(
        {"action": "exec", "command": "db true", "user": "root", "environment": {"A": 1}}
    )
    assert render("e", spec) == ["docker", "exec", "--user=root", "--env=A=1", "db", "true"]
