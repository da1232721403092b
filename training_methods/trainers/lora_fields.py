"""The hyperparameters of LoRA that recipes share, as `fields` has the others."""

from typing import Annotated

from pydantic import Field

from training_methods.trainers.base import LORA

UseLora = Annotated[
    bool,
    Field(
        title="LoRA",
        description="Train a small adapter beside the base model; off: train every weight, at a tenth of the rate.",
        json_schema_extra=LORA,
    ),
]

Rank = Annotated[
    int,
    Field(
        gt=0,
        le=1024,
        title="Rank",
        description="Room for what is learnt: a larger adapter learns more and overfits sooner (LORA_RANK).",
        json_schema_extra=LORA,
    ),
]

Alpha = Annotated[
    int,
    Field(
        gt=0,
        title="Alpha",
        description="Weight of the adapter in the sum, divided by the rank; twice the rank is usual.",
        json_schema_extra=LORA,
    ),
]

Dropout = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        title="Dropout",
        description="Share of the adapter's inputs left out at random while training, against overfitting.",
        json_schema_extra=LORA,
    ),
]

TargetModules = Annotated[
    str,
    Field(
        title="Adapted layers",
        description="The layers that get an adapter: all-linear, or their names, such as q_proj, v_proj.",
        json_schema_extra=LORA,
    ),
]
