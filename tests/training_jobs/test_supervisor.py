"""A child process: what it reports is read, it is stopped, and how it ended is said in words."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.training_jobs.engine import has_gone, wait_for
from training_jobs.reports import HEAD, TAIL, LogPiece
from training_jobs.supervisor import Interrupted, Supervisor
from training_methods.trainers.events import Event, Failure, Finished, Note

FINISHED = '{"kind": "finished", "outcome": "succeeded"}\n'
WAITS_TO_GO = """import os, time
while not os.path.exists("go"): time.sleep(0.05)"""


@dataclass(frozen=True)
class Story:
    """All that was heard of a child."""

    events: list[Event]
    log: list[LogPiece]
    ending: Finished | Failure

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.log)


@pytest.fixture
def story_of(tmp_path: Path) -> Callable[..., Story]:
    """Runs Python code as a child to its end; `stop_when` asks it to stop once the log holds that text, `go_when` makes
    a file “go” once something was read after the batch that had it.
    """

    def run(code: str, *, stop_when: str | None = None, go_when: str | None = None, grace: float = 10) -> Story:
        events, log = [], []
        with Supervisor(tmp_path, command=[sys.executable, "-c", code], grace=grace) as child:
            for batch in child.watch():
                if go_when and any(go_when in piece.text for piece in log):
                    (tmp_path / "go").touch()
                events += batch.events
                log += batch.log
                if stop_when and stop_when in (tmp_path / "train.log").read_text():
                    child.stop()
            return Story(events, log, child.ending())

    return run


def reporting(*lines: str) -> str:
    return f"open('events.jsonl', 'w').write({''.join(lines)!r})\n"


def test_it_tells_events_and_log(story_of):
    story = story_of("print('hello')\n" + reporting('{"kind": "note", "text": "hi"}\n', FINISHED))

    assert [event.kind for event in story.events] == ["note", "finished"]
    assert story.text == "hello\n"
    assert story.ending.outcome == "succeeded"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("pass", "The training ended without saying that it had finished."),
        ("raise SystemExit(3)", "The training ended with exit code 3 and gave no reason."),
        (reporting(FINISHED) + "raise SystemExit(1)", "The training ended with exit code 1 and gave no reason."),
        ("import os; os.kill(os.getpid(), 11)", "The training crashed (SIGSEGV)"),
        ("import os; os.kill(os.getpid(), 1)", "The training was ended by signal 1 (Hangup)."),
    ],
)
def test_it_says_how_a_child_failed(story_of, code, sentence):
    assert story_of(code).ending.message.startswith(sentence)


@pytest.mark.parametrize(("number", "how"), [(9, "killed from outside (SIGKILL)"), (15, "SIGTERM")])
def test_it_tells_a_child_that_somebody_else_ended(story_of, number, how):
    ending = story_of(f"import os; os.kill(os.getpid(), {number})").ending

    assert isinstance(ending, Interrupted)
    assert how in ending.why.message


def test_it_gives_the_last_log_lines_as_evidence(story_of):
    story = story_of("for n in range(100): print('line', n)\nraise SystemExit(1)")

    assert story.ending.evidence.splitlines() == [f"line {n}" for n in range(80, 100)]


def test_it_passes_on_the_failure_a_child_reports(story_of):
    story = story_of(reporting('{"kind": "failure", "message": "Out of memory."}\n') + "raise SystemExit(1)")

    assert story.ending.message == "Out of memory."


def test_it_shows_a_line_that_is_no_event_and_waits_for_half_a_line(story_of):
    story = story_of(reporting("no event\n", FINISHED, '{"kind": "note", "te'))

    assert [event.kind for event in story.events] == ["note", "finished"]
    assert story.events[0].text == "A line of events.jsonl is no event: no event"
    assert story.ending.outcome == "succeeded"


def test_it_reads_a_line_once_it_is_whole(story_of):
    code = f"""file = open("events.jsonl", "w", buffering=1)
file.write('{{"kind": "note", '); file.flush(); print("half", flush=True)
{WAITS_TO_GO}
file.write('"text": "whole"}}\\n')"""

    story = story_of(code, go_when="half")

    assert [event.text for event in story.events if isinstance(event, Note)] == ["whole"]


def test_it_keeps_characters_whole_and_replaces_what_is_no_utf8(story_of):
    code = f"""import sys
out = sys.stdout.buffer
out.write(b"\\xff na\\xc3"); out.flush()
{WAITS_TO_GO}
out.write(b"\\xafve"); out.flush()"""

    story = story_of(code, go_when="na")

    assert story.text == "� naïve"
    assert [(piece.offset, piece.size) for piece in story.log] == [(0, 4), (4, 4)]


def test_it_reads_the_beginning_and_the_end_of_a_child_that_prints_100_megabytes(story_of, tmp_path):
    story = story_of("for n in range(1_000_000): print(f'{n:099}')")

    read = sum(piece.size for piece in story.log)
    assert (tmp_path / "train.log").stat().st_size == 100_000_000
    assert HEAD + TAIL <= read < 100_000_000 / 2
    assert story.text.startswith(f"{0:099}\n")
    assert story.text.endswith(f"{999_999:099}\n")


def test_it_lets_a_child_end_itself_when_asked_to_stop(story_of):
    code = """import signal, sys, time
def end(*_):
    open("events.jsonl", "w").write('{"kind": "finished", "outcome": "stopped"}\\n')
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)"""

    story = story_of(code, stop_when="ready")

    assert story.events == [story.ending]
    assert story.ending.outcome == "stopped"


def test_it_kills_a_child_that_does_not_stop(story_of):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )

    assert story_of(code, stop_when="ready", grace=0.5).ending.outcome == "stopped"


def test_it_leaves_no_process_of_the_childs_group(story_of, tmp_path):
    code = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid)"

    grandchild = int(story_of(code).text)

    assert wait_for(lambda: has_gone(grandchild))


def test_it_ends_the_child_when_the_one_who_watches_fails(tmp_path):
    with pytest.raises(RuntimeError), Supervisor(tmp_path, command=["sleep", "600"]) as child:
        for _ in child.watch():
            raise RuntimeError("the database is broken")

    assert has_gone(child.pid)


def test_it_keeps_secrets_from_the_child(story_of, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")
    monkeypatch.setenv("DATABASE_URL", "hush")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")

    text = story_of("import os; print(*(f'{n}={v}' for n, v in os.environ.items()), sep='\\n')").text

    assert "hush" not in text
    assert {"HF_HUB_OFFLINE=0", "OMP_WAIT_POLICY=PASSIVE", "OMP_NUM_THREADS=1"} <= set(text.splitlines())


def test_a_child_ends_when_its_supervisor_is_killed(tmp_path):
    """The child's side of it is the trainers' own; here is a child that does as they do."""
    child = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read(); os._exit(1)"
    watch = f"""import sys
from pathlib import Path
from training_jobs.supervisor import Interrupted, Supervisor
with Supervisor(Path({str(tmp_path)!r}), command=[sys.executable, "-c", {child!r}]) as child:
    for _ in child.watch(): pass"""
    supervisor = subprocess.Popen([sys.executable, "-c", watch])
    pid = int(wait_for(lambda: (tmp_path / "train.log").exists() and (tmp_path / "train.log").read_text()))

    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()

    assert wait_for(lambda: has_gone(pid))
