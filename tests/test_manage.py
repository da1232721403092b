import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("command", [["seed_methods"], ["license", "status"], ["reap_jobs"]])
def test_it_says_what_a_new_database_needs(tmp_path, command):
    environment = os.environ | {"DEEPEXT_DATA_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)

    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "`python manage.py migrate` makes its tables" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_in_the_current_folder_hides_no_library(tmp_path):
    (tmp_path / "kombu.py").write_text("raise SystemExit('hidden')")
    environment = os.environ | {"DEEPEXT_DATA_DIR": str(tmp_path), "SECRET_KEY": "a" * 50}
    look = "import kombu.transport.redis, sys; print(sys.path)"

    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", look],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stdout
