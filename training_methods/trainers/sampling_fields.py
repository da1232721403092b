"""The hyperparameters that recipes share in which a model answers and is rated, as `fields` has the others."""

from typing import Annotated

from pydantic import Field

from training_methods.trainers.base import BASICS, SAMPLING

Rewards = Annotated[
    str | None,
    Field(
        title="Rewards",
        description="What is rated, and its weight: exact_match: 1.0, length(20, 80): 0.2. There are exact_match, "
        'numeric_answer, regex("…"), valid_json, json_schema("…"), length(least, most), language("en"), and your own '
        "in rewards.py.",
        json_schema_extra={**BASICS, "grammar": "rewards"},
    ),
]

RewardModel = Annotated[
    str | None,
    Field(
        title="Reward model",
        description="A model that the method Reward model has trained; it rates the answers, beside the rewards or "
        "alone.",
        json_schema_extra={**BASICS, "refers_to": "reward"},
    ),
]

RewardModelWeight = Annotated[
    float,
    Field(
        title="Weight of the reward model",
        description="What its rating is multiplied by before the rewards are added.",
        json_schema_extra=SAMPLING,
    ),
]

NumGenerations = Annotated[
    int,
    Field(
        gt=1,
        le=256,
        title="Answers per prompt",
        description="Answers to one prompt that are compared with one another (NUM_GENERATIONS).",
        json_schema_extra=BASICS,
    ),
]

MaxPromptLength = Annotated[
    int,
    Field(
        gt=0,
        title="Maximum prompt length",
        description="Prompts with more tokens are left out, since half a question is another one (MAX_INPUT_LENGTH).",
        json_schema_extra=SAMPLING,
    ),
]

MaxCompletionLength = Annotated[
    int,
    Field(
        gt=0,
        title="Maximum answer length",
        description="Longest answer in tokens; the time a step takes grows with it (MAX_CONTENT_LENGTH).",
        json_schema_extra=BASICS,
    ),
]

Temperature = Annotated[
    float,
    Field(
        gt=0,
        le=5,
        title="Temperature",
        description="How freely the model tries: answers that are all alike teach nothing, wild ones little.",
        json_schema_extra=SAMPLING,
    ),
]

TopP = Annotated[
    float,
    Field(
        gt=0,
        le=1,
        title="Top p",
        description="Draw only from the likeliest words that together have this probability; 1 draws from all.",
        json_schema_extra=SAMPLING,
    ),
]

SampleSteps = Annotated[
    int,
    Field(
        ge=0,
        title="Steps between samples",
        description="After so many steps the answers to the first three prompts are kept to look at; 0 keeps none.",
        json_schema_extra=SAMPLING,
    ),
]
