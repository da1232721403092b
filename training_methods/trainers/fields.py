"""The hyperparameters that recipes share, each declared once: its type, its bounds, and the words of its form.

A recipe gives the default: `learning_rate: fields.LearningRate = 2e-4`. Those of LoRA are in `lora_fields`, those of
answers that are sampled and rated in `sampling_fields`.
"""

from typing import Annotated, Literal

from pydantic import Field

from training_methods.trainers.base import BASICS, CHECKPOINTS, DATA, EVALUATION, MEMORY, OPTIMIZER

Epochs = Annotated[
    float,
    Field(
        gt=0,
        le=1000,
        title="Epochs",
        description="How often the training goes through the whole dataset.",
        json_schema_extra=BASICS,
    ),
]

LearningRate = Annotated[
    float,
    Field(
        gt=0,
        lt=1,
        title="Learning rate",
        description="Size of a learning step at its peak; too large and the loss jumps (LEARNING_RATE).",
        json_schema_extra=BASICS,
    ),
]

BatchSize = Annotated[
    int,
    Field(
        gt=0,
        title="Batch size",
        description="Rows learnt from at once; more is steadier and needs more memory (BATCH_SIZE).",
        json_schema_extra=BASICS,
    ),
]

MaxLength = Annotated[
    int,
    Field(
        gt=1,
        title="Maximum length",
        description="Longest row in tokens, prompt and answer; what is longer is cut at its end (MAX_SEQ_LENGTH).",
        json_schema_extra=BASICS,
    ),
]

MaxSteps = Annotated[
    int | None,
    Field(
        gt=0,
        title="Maximum steps",
        description="Stop after so many steps whatever the epochs say; empty: the epochs decide (MAX_STEPS).",
        json_schema_extra=DATA,
    ),
]

MaxSamples = Annotated[
    int | None,
    Field(
        gt=0,
        title="Maximum rows",
        description="Use only the first rows of the dataset; empty: use all (MAX_SAMPLES).",
        json_schema_extra=DATA,
    ),
]

LearnFrom = Annotated[
    Literal["answers", "last-answer", "everything"],
    Field(
        title="Learn from",
        description="answers: all that the assistant says, or the completion; last-answer: of a conversation the last "
        "one alone; everything: what is asked too. Plain text is learnt whole.",
        json_schema_extra=DATA,
    ),
]

ChatTemplate = Annotated[
    Literal["own", "chatml", "plain"],
    Field(
        title="Chat template",
        description="How conversations are written down: own as the base model has it; chatml and plain for one that "
        "has none, plain needing no special tokens. It is saved with the result.",
        json_schema_extra=DATA,
    ),
]

EvaluationFraction = Annotated[
    float,
    Field(
        ge=0,
        le=0.5,
        title="Share held out",
        description="Share of the rows that is not learnt but evaluated on the way, to see overfitting.",
        json_schema_extra=DATA,
    ),
]

EvaluationSteps = Annotated[
    int | None,
    Field(
        gt=0,
        title="Steps between evaluations",
        description="The rows held out are evaluated after so many steps, and at the end; empty: after each epoch.",
        json_schema_extra=EVALUATION,
    ),
]

KeepBest = Annotated[
    bool,
    Field(
        title="Keep the best",
        description="Keep the weights of the best evaluation (the lowest loss; the highest reward where answers are "
        "rated), not the last; needs rows held out. Checkpoints are then saved at each evaluation.",
        json_schema_extra=EVALUATION,
    ),
]

Patience = Annotated[
    int | None,
    Field(
        gt=0,
        title="Patience",
        description="Stop early when so many evaluations in a row were no better than the best, and keep the best.",
        json_schema_extra=EVALUATION,
    ),
]

SamplePrompts = Annotated[
    str,
    Field(
        title="Sample prompts",
        description="Prompts that the model answers at each evaluation, to see it change; put | between them.",
        json_schema_extra=EVALUATION,
    ),
]

GradientAccumulationSteps = Annotated[
    int,
    Field(
        gt=0,
        title="Gradient accumulation",
        description="Batches added up for one step: a larger batch size for the same memory (GRAD_ACCUM_STEPS).",
        json_schema_extra=OPTIMIZER,
    ),
]

Scheduler = Annotated[
    Literal["linear", "cosine", "constant_with_warmup"],
    Field(title="Schedule", description="How the learning rate falls after the warm-up.", json_schema_extra=OPTIMIZER),
]

WarmupRatio = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        title="Warm-up",
        description="Share of the steps over which the learning rate rises to its peak (WARMUP_STEPS, as a share).",
        json_schema_extra=OPTIMIZER,
    ),
]

WeightDecay = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        title="Weight decay",
        description="Pulls weights towards zero with each step, against overfitting.",
        json_schema_extra=OPTIMIZER,
    ),
]

MaxGradNorm = Annotated[
    float,
    Field(
        gt=0,
        title="Gradient clipping",
        description="Longest gradient that is followed in full; it keeps single odd rows in check (MAX_GRAD_NORM).",
        json_schema_extra=OPTIMIZER,
    ),
]

Precision = Annotated[
    Literal["auto", "bf16", "fp32"],
    Field(
        title="Precision",
        description="Numbers to compute in; auto takes bf16 where the hardware is made for it.",
        json_schema_extra=MEMORY,
    ),
]

LoadIn4bit = Annotated[
    bool,
    Field(
        title="4-bit base model",
        description="QLoRA: hold the base model in a quarter of the memory, where bitsandbytes is installed "
        "(LOAD_IN_4BIT).",
        json_schema_extra=MEMORY,
    ),
]

Packing = Annotated[
    bool,
    Field(
        title="Packing",
        description="Put several short rows into one sequence: faster, with fewer steps an epoch.",
        json_schema_extra=MEMORY,
    ),
]

GroupByLength = Annotated[
    bool,
    Field(
        title="Group by length",
        description="Put rows of similar length into one batch, so that less padding is computed.",
        json_schema_extra=MEMORY,
    ),
]

PrecomputeReference = Annotated[
    bool,
    Field(
        title="Reference in advance",
        description="Ask the reference once before the training instead of at each step: less memory, later start.",
        json_schema_extra=MEMORY,
    ),
]

GradientCheckpointing = Annotated[
    bool,
    Field(
        title="Gradient checkpointing",
        description="Compute some values twice instead of keeping them: slower, for much less memory.",
        json_schema_extra=MEMORY,
    ),
]

LoggingSteps = Annotated[
    int,
    Field(
        gt=0,
        title="Steps between log points",
        description="The curves get a point after so many steps.",
        json_schema_extra=CHECKPOINTS,
    ),
]

SaveSteps = Annotated[
    int,
    Field(
        ge=0,
        title="Steps between checkpoints",
        description="An interrupted run goes on from its last checkpoint; 0 saves one only when the run is stopped.",
        json_schema_extra=CHECKPOINTS,
    ),
]
