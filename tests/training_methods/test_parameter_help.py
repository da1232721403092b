"""What each built-in method says of its settings."""

import pytest

from training_methods import catalog
from training_methods.trainers.discovery import BUILT_IN

# What DeepExtension's own scripts have always called them: people who come from there search the page for these.
ORIGINAL_NAMES = {
    "learning_rate": "LEARNING_RATE",
    "batch_size": "BATCH_SIZE",
    "max_length": "MAX_SEQ_LENGTH",
    "max_seq_length": "MAX_SEQ_LENGTH",
    "max_steps": "MAX_STEPS",
    "max_samples": "MAX_SAMPLES",
    "gradient_accumulation_steps": "GRAD_ACCUM_STEPS",
    "grad_accum_steps": "GRAD_ACCUM_STEPS",
    "warmup_ratio": "WARMUP_STEPS",
    "warmup_steps": "WARMUP_STEPS",
    "max_grad_norm": "MAX_GRAD_NORM",
    "rank": "LORA_RANK",
    "lora_rank": "LORA_RANK",
    "load_in_4bit": "LOAD_IN_4BIT",
    "num_generations": "NUM_GENERATIONS",
    "max_prompt_length": "MAX_INPUT_LENGTH",
    "max_input_length": "MAX_INPUT_LENGTH",
    "max_completion_length": "MAX_CONTENT_LENGTH",
    "max_content_length": "MAX_CONTENT_LENGTH",
}


@pytest.mark.parametrize("slug", BUILT_IN)
def test_every_setting_has_a_label_a_sentence_and_the_name_it_had(slug):
    for parameter in catalog.get(slug).parameters:
        assert parameter.label, parameter.name
        assert parameter.help.endswith("."), parameter.name
        assert ORIGINAL_NAMES.get(parameter.name, "") in parameter.help, parameter.name


@pytest.mark.parametrize("slug", sorted(set(BUILT_IN) - {"custom01", "custom02"}))
def test_every_method_can_be_limited_and_paced(slug):
    names = {parameter.name for parameter in catalog.get(slug).parameters}

    assert names >= {
        "epochs", "max_steps", "max_samples", "learning_rate", "lr_scheduler", "warmup_ratio", "weight_decay",
        "gradient_accumulation_steps", "max_grad_norm", "chat_template", "precision", "logging_steps", "save_steps",
    }  # fmt: skip
