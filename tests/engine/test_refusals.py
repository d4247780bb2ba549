"""What Engine 20.10 really answers, and what that means to the caller."""

import pytest

from paunchd.engine.refusals import refusal
from paunchd.errors import Conflict, EngineUnavailable, NotFound, Rejected

TAKEN = 'Conflict. The container name "/web" is already in use by container "4f".'
OCI = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
SWAP = "Cannot update container 4f: Memory limit should be smaller than already set memoryswap limit"


@pytest.mark.parametrize(
    ("verb", "status", "message", "error"),
    [
        ("create", 404, "No such image: web:1", NotFound),
        ("create", 409, TAKEN, Conflict),
        ("create", 400, "No command specified", Rejected),
        ("create", 400, "No such container: nova_data", Rejected),
        ("create", 500, "invalid mode: foo", Rejected),
        ("create", 500, 'invalid --security-opt 2: "foo=bar"', Rejected),
        ("create", 500, "mkdir /var/lib/docker/overlay2/x: no space left on device", EngineUnavailable),
        ("create", 503, "This node is not a swarm manager", EngineUnavailable),
        ("start", 400, OCI + 'exec: "/nope": stat /nope: no such file or directory: unknown', Rejected),
        ("start", 404, OCI + 'exec: "/nope": executable file not found in $PATH: unknown', Rejected),
        ("start", 500, "unable to find user nova: no matching entries in passwd file", Rejected),
        ("start", 500, "path /srv is mounted on / but it is not a shared mount", Rejected),
        ("start", 500, "Bind for 0.0.0.0:80 failed: port is already allocated", Rejected),
        ("start", 500, "failed to create shim task: context deadline exceeded: unknown", EngineUnavailable),
        ("start", 500, "connection error: desc = error while dialing dial unix containerd.sock", EngineUnavailable),
        ("start", 404, "network storage not found", Rejected),
        ("start", 404, "No such container: nova_data", Rejected),
        ("start", 404, "No such container: web", NotFound),
        ("start", 409, "cannot start a paused container, try unpause instead", Conflict),
        ("update", 400, "Minimum memory limit allowed is 6MB", Rejected),
        ("update", 409, SWAP, Rejected),
        ("update", 404, "No such container: web", NotFound),
        ("rename", 409, "Error when allocating new name: " + TAKEN, Conflict),
        ("remove", 404, "No such container: web", NotFound),
        ("remove", 409, "You cannot remove a running container 4f.", Conflict),
        ("remove", 500, "driver failed to remove root filesystem: device or resource busy", Conflict),
        ("kill", 409, "Cannot kill container: web: Container 4f is not running", Conflict),
        ("unpause", 500, "Container 4f is not paused", Conflict),
        ("list", 500, "something broke", EngineUnavailable),
        ("pull", 500, "Get https://registry/v2/: dial tcp: connection refused", NotFound),
        ("pull", 404, "manifest unknown", NotFound),
    ],
)
def test_an_answer_is_the_error_its_reader_acts_on(verb, status, message, error):
    """The status alone says little: what is the engine's trouble, the specification's fault, or a name that is gone."""
    found = refusal(verb, "web", status, message)
    assert type(found) is error
    assert str(found).startswith(f"cannot {verb} ")
    assert message in str(found)


def test_an_answer_without_words_still_says_something():
    """Some proxies answer an empty page."""
    assert str(refusal("list", "containers", 502, "")) == "cannot list containers: the engine answers 502"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            '"mysql -psecret": executable file not found in $PATH: unknown',
            '"mysql …": executable file not found in $PATH: unknown',
        ),
        ('"mysql -psecret": executable file not found in $PATH', '"mysql …": executable file not found in $PATH'),
        (
            '"/bin/sh -c \\"echo: secret\\"": stat /bin/sh -c "echo: secret": no such file or directory: unknown',
            '"/bin/sh …": no such file or directory: unknown',
        ),
        ('"/a secret": stat /a secret: no such file or directory', '"/a …": no such file or directory'),
        ('"/nope": stat /nope: no such file', '"/nope": stat /nope: no such file'),
        ('"": executable file not found', '"": executable file not found'),
    ],
)
def test_a_command_line_written_as_one_word_is_not_told(said, told):
    """Its arguments may be secrets; the engine repeats them, and what it says is told over the API."""
    assert str(refusal("start", "web", 400, f"{OCI}exec: {said}")) == f"cannot start web: {OCI}exec: {told}"


def test_a_container_is_called_by_the_short_form_of_its_id():
    """As `docker ps` does; the whole one fills a line."""
    whole = "0358a7c56d6164949f8b30d089b60f7797a962f58690115c4368cd95fc1b16a5"
    assert str(refusal("start", whole, 404, "network x not found")) == "cannot start 0358a7c56d61: network x not found"
    assert isinstance(refusal("start", whole, 404, f"No such container: {whole}"), NotFound)
