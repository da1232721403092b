import pytest
from pydantic import ValidationError

from training_methods import catalog
from training_methods.trainers.parameters import mistakes, values_model


def wrong(trainer: str, rewards: str) -> dict[str, str]:
    """What is wrong with the values of a form whose rewards are these."""
    try:
        values_model(catalog.get(trainer).parameters).model_validate({"rewards": rewards})
    except ValidationError as error:
        return mistakes(error)
    return {}


def test_it_takes_the_sites_own_rewards_for_no_trainer(settings):
    settings.TRAINERS_DIR.mkdir(exist_ok=True)
    assert catalog.rewards_file() is None
    file = settings.TRAINERS_DIR / "rewards.py"
    file.write_text("raise SystemExit('read by nobody here')")

    assert catalog.rewards_file() == file
    assert "rewards" not in catalog.trainers()
    assert not [one for one in catalog.broken() if one.file == str(file)]


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
@pytest.mark.parametrize(
    ("rewards", "mistake"),
    [
        ("length(5, 9): x", "“length(5, 9): x” does not fit: it gives length the weight “x”, which is not a number."),
        ("", "“” does not fit: it names no reward: write for example exact_match: 1.0, length(20, 80): 0.2."),
    ],
)
def test_it_refuses_a_text_of_rewards_that_cannot_be_followed(trainer, rewards, mistake):
    assert wrong(trainer, rewards) == {"rewards": mistake}


def test_it_leaves_rewards_of_the_site_itself_to_the_run():
    assert wrong("grpo", "politeness('please'): 2, numeric_answer") == {}
