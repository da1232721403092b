"""An adapter that scores answers is neither merged nor tried beside its base model; what is said leads somewhere."""

import json
from pathlib import Path

import pytest

from training_methods.trainers import conversation, merging
from training_methods.trainers.base import TrainingError


@pytest.fixture
def scorer(tmp_path) -> Path:
    config = {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 4}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    return tmp_path


def test_it_is_not_merged(scorer):
    with pytest.raises(TrainingError, match="scores answers") as refused:
        merging.refuse_what_cannot(scorer, scorer)

    assert "method Reward" in refused.value.hint


def test_it_is_not_tried_and_nobody_is_told_to_merge_it(scorer):
    with pytest.raises(TrainingError, match="scores answers and writes none") as refused:
        conversation.with_adapter(scorer, scorer)

    assert "Merge" not in refused.value.hint
