"""What a trainer of one's own may hand to its `Run`."""

from training_methods.trainers.events import CheckpointSaved, Note


def test_it_reports_a_checkpoint_by_the_name_of_its_folder(run_folder, own_trainer):
    run = run_folder("mine", trainer_file=own_trainer("run.checkpoint_saved(1, str(run.checkpoints))"))

    run.perform()

    assert [event.path for event in run.events(CheckpointSaved)] == [str(run.checkpoints)]


def test_it_notes_text_that_no_file_can_hold(run_folder, own_trainer):
    run = run_folder("mine", trainer_file=own_trainer(r'run.note("a\0\ud800\nb"); run.note("later")'))

    run.perform()

    assert [event.text for event in run.events(Note)] == ["a\ufffd?\nb", "later"]
    assert "a\ufffd?\nb\nlater" in run.log
