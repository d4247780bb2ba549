from pathlib import Path

import pytest
import yaml

from paunchd.errors import SettingsError
from paunchd.settings import BetweenSteps, Settings, known_settings, load_settings

CONF = Path(__file__).parents[2] / "conf" / "paunchd.yaml"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No variable and no default file of this machine takes part."""
    import os  # noqa: PLC0415

    for variable in [name for name in os.environ if name.startswith("PAUNCHD_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr("paunchd.settings.DEFAULT_PATH", tmp_path / "absent.yaml")


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "paunchd.yaml"
        path.write_text(text)
        return path

    return write


def test_defaults_without_a_file():
    """Without the default file, everything has its default."""
    settings = load_settings(None)
    assert str(settings.api.socket) == "/run/paunchd/api.sock"
    assert settings.api.socket_mode_bits == 0o660
    assert settings.api.addresses == (("127.0.0.1", 80), ("::1", 80))
    assert settings.order.between_steps is BetweenSteps.AUTO


def test_shipped_file_equals_the_defaults():
    """The shipped settings file names every setting, and changes none."""
    shipped = yaml.safe_load(CONF.read_text())
    named = set(shipped) | {f"{g}.{k}" for g, part in shipped.items() if isinstance(part, dict) for k in part}
    assert named == set(known_settings())
    assert load_settings(CONF) == Settings()


def test_file_sets(file):
    """A file sets what it names and leaves the rest of a group alone."""
    settings = load_settings(file("engine: {concurrency: 9}\napi: {listen: []}\n"))
    assert settings.engine.concurrency == 9
    assert settings.engine.call_timeout_seconds == 30
    assert settings.api.addresses == ()


def test_file_named_by_environment(file, monkeypatch):
    """PAUNCHD_CONFIG names the file where no option does, and an option beats it."""
    monkeypatch.setenv("PAUNCHD_CONFIG", str(file("owner: other")))
    assert load_settings(None).owner == "other"


def test_absent_named_file(tmp_path):
    """A file that was named and is absent is an error, not a set of defaults."""
    with pytest.raises(SettingsError, match=r"cannot read settings .*gone\.yaml: No such file"):
        load_settings(tmp_path / "gone.yaml")


def test_environment_beats_file(file, monkeypatch):
    """A variable beats the file for its own setting and no other."""
    monkeypatch.setenv("PAUNCHD_API__SOCKET", "/from/environment")
    monkeypatch.setenv("PAUNCHD_DESIRED_DIR", "/from/environment/too")
    settings = load_settings(file("api: {socket: /from/file, socket_group: wheel}\ndesired_dir: /from/file"))
    assert str(settings.api.socket) == "/from/environment"
    assert settings.api.socket_group == "wheel"
    assert str(settings.desired_dir) == "/from/environment/too"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1:8080",)),
        ("127.0.0.1:80, [::1]:80", ("127.0.0.1:80", "[::1]:80")),
        ('["127.0.0.1:80", "[::1]:80"]', ("127.0.0.1:80", "[::1]:80")),
        ("[]", ()),
    ],
)
def test_list_in_a_variable(monkeypatch, text, expected):
    """A list in a variable is written with commas, or as in the file."""
    monkeypatch.setenv("PAUNCHD_API__LISTEN", text)
    assert load_settings(None).api.listen == expected


def test_client_variables_are_no_settings(file, monkeypatch):
    """What the client reads from the environment does not confuse the settings."""
    monkeypatch.setenv("PAUNCHD_SOCKET", "/elsewhere")
    monkeypatch.setenv("PAUNCHD_CONFIG", str(file("")))
    monkeypatch.setenv("PAUNCHD_UNRELATED_THING", "1")
    assert load_settings(None) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("api: {sokcet: /x}", "unknown setting `api.sokcet`; did you mean `api.socket`?"),
        ("ownr: x", "unknown setting `ownr`; did you mean `owner`?"),
        ("zzz: x", "unknown setting `zzz`"),
        ("log: {level: loud}", "`log.level` should be 'debug', 'info', 'warning' or 'error' (it is 'loud')"),
        ("api: {socket_mode: 0660}", '`api.socket_mode` must be octal digits in quotes, like "0660"'),
        ("api: {socket: run.sock}", "`api.socket` must be an absolute path"),
        ('api: {listen: ["::1:80"]}', "`api.listen.0` is not HOST:PORT (brackets are for IPv6) (it is '::1:80')"),
        ('api: {listen: ["localhost"]}', "`api.listen.0` is not HOST:PORT (it is 'localhost')"),
        ("engine: {concurrency: 0}", "`engine.concurrency` should be greater than or equal to 1 (it is 0)"),
        ("removal_guard: {fraction: 50}", "`removal_guard.fraction`"),
        ("reconcile: {resync_seconds: .inf}", "`reconcile.resync_seconds`"),
        ("owner: ''", "`owner` should match pattern"),
        ("api: 3", "`api` should be a mapping of settings (it is 3)"),
        ("api: {}\napi: {}", ":2:1: `api` is written twice"),
        ("api: [", "cannot parse settings"),
        ("- a", "it must be a mapping of settings"),
    ],
)
def test_wrong_file(file, text, message):
    """A wrong file is refused with the setting's dotted name, what is wrong, and the file."""
    path = file(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_problem_is_told_at_once(file):
    """Two mistakes are told together, so that nobody edits twice."""
    with pytest.raises(SettingsError, match=r"`log.level`.*`log.format`"):
        load_settings(file("log: {level: loud, format: xml}"))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PAUNCHD_LOG__LEVEL", "loud", "PAUNCHD_LOG__LEVEL should be"),
        (
            "PAUNCHD_DESIERD_DIR",
            "/x",
            "unknown variable PAUNCHD_DESIERD_DIR; did you mean PAUNCHD_DESIRED_DIR?",
        ),
        ("PAUNCHD_API__SOKCET", "/x", "did you mean PAUNCHD_API__SOCKET?"),
        ("PAUNCHD_ENGINE_URL", "unix:///x", "did you mean PAUNCHD_ENGINE__URL?"),
        ("PAUNCHD_API", "{", "from the environment"),
    ],
)
def test_wrong_variable(monkeypatch, variable, value, message):
    """A wrong value or a misspelt name in the environment is refused by the name of the variable."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=r"^cannot use settings from the environment") as caught:
        load_settings(None)
    assert message in str(caught.value)
