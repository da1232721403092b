"""KTO: good answers become likelier and bad ones less so; no pairs are needed."""

from typing import ClassVar, Literal

from pydantic import Field

from training_methods.trainers.base import (
    BASICS,
    CHECKPOINTS,
    DATA,
    LORA,
    MEMORY,
    OBJECTIVE,
    OPTIMIZER,
    DataFormat,
    MethodType,
    Run,
    Trainer,
    register,
)


@register
class Kto(Trainer):
    """Teach a model from single answers that were marked good or bad."""

    slug: ClassVar = "kto"
    label: ClassVar = "KTO"
    method_type: ClassVar = MethodType.KTO
    data_formats: ClassVar = (DataFormat.LABELLED, DataFormat.PREFERENCE, DataFormat.PAIRS)

    epochs: float = Field(
        1,
        gt=0,
        le=1000,
        title="Epochs",
        description="How often the training goes through the whole dataset.",
        json_schema_extra=BASICS,
    )
    learning_rate: float = Field(
        1e-5,
        gt=0,
        lt=1,
        title="Learning rate",
        description="Size of a learning step at its peak; without LoRA take a tenth of it (LEARNING_RATE).",
        json_schema_extra=BASICS,
    )
    batch_size: int = Field(
        4,
        ge=2,
        title="Batch size",
        description="Rows learnt from at once, two at least, since answers are compared with others' (BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    max_length: int = Field(
        1024,
        gt=1,
        title="Maximum length",
        description="Longest prompt and answer in tokens; what is longer is cut off at its end (MAX_SEQ_LENGTH).",
        json_schema_extra=BASICS,
    )
    beta: float = Field(
        0.1,
        gt=0,
        le=10,
        title="Beta",
        description="How firmly the model is held to the base model: smaller lets it go further.",
        json_schema_extra=BASICS,
    )
    loss_type: Literal["kto", "apo_zero_unpaired"] = Field(
        "kto",
        title="Loss",
        description=(
            "kto weighs each answer against how far the model has moved as a whole. apo_zero_unpaired makes good "
            "answers likelier and bad ones less likely than the base model has them."
        ),
        json_schema_extra=OBJECTIVE,
    )
    desirable_weight: float = Field(
        1.0,
        gt=0,
        title="Weight of good answers",
        description="Raise it where good answers are the fewer: weight times number should be about equal.",
        json_schema_extra=OBJECTIVE,
    )
    undesirable_weight: float = Field(
        1.0,
        gt=0,
        title="Weight of bad answers",
        description="Raise it where bad answers are the fewer.",
        json_schema_extra=OBJECTIVE,
    )
    precompute_reference: bool = Field(
        False,
        title="Reference in advance",
        description="Ask the reference once before the training instead of at each step: less memory, later start.",
        json_schema_extra=MEMORY,
    )
    use_lora: bool = Field(
        True,
        title="LoRA",
        description="Train a small adapter and leave the base as it is; without it every weight learns.",
        json_schema_extra=LORA,
    )
    rank: int = Field(
        16,
        gt=0,
        le=1024,
        title="Rank",
        description="Room for what is learnt: a larger adapter learns more and overfits sooner (LORA_RANK).",
        json_schema_extra=LORA,
    )
    alpha: int = Field(
        32,
        gt=0,
        title="Alpha",
        description="Weight of the adapter in the sum, divided by the rank; twice the rank is usual.",
        json_schema_extra=LORA,
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Dropout",
        description="Share of the adapter's inputs left out at random while training, against overfitting.",
        json_schema_extra=LORA,
    )
    target_modules: str = Field(
        "all-linear",
        title="Adapted layers",
        description="The layers that get an adapter: all-linear, or their names, such as q_proj, v_proj.",
        json_schema_extra=LORA,
    )
    max_steps: int | None = Field(
        None,
        gt=0,
        title="Maximum steps",
        description="Stop after so many steps whatever the epochs say; empty: the epochs decide (MAX_STEPS).",
        json_schema_extra=DATA,
    )
    max_samples: int | None = Field(
        None,
        gt=0,
        title="Maximum rows",
        description="Use only the first rows of the dataset; empty: use all (MAX_SAMPLES).",
        json_schema_extra=DATA,
    )
    evaluation_fraction: float = Field(
        0.0,
        ge=0,
        le=0.5,
        title="Share held out",
        description="Share of the rows that is not learnt but evaluated after each epoch, to see overfitting.",
        json_schema_extra=DATA,
    )
    gradient_accumulation_steps: int = Field(
        1,
        gt=0,
        title="Gradient accumulation",
        description="Batches added up for one step: a larger batch size for the same memory (GRAD_ACCUM_STEPS).",
        json_schema_extra=OPTIMIZER,
    )
    lr_scheduler: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "cosine",
        title="Schedule",
        description="How the learning rate falls after the warm-up.",
        json_schema_extra=OPTIMIZER,
    )
    warmup_ratio: float = Field(
        0.05,
        ge=0,
        lt=1,
        title="Warm-up",
        description="Share of the steps over which the learning rate rises to its peak (WARMUP_STEPS, as a share).",
        json_schema_extra=OPTIMIZER,
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Weight decay",
        description="Pulls weights towards zero with each step, against overfitting.",
        json_schema_extra=OPTIMIZER,
    )
    max_grad_norm: float = Field(
        1.0,
        gt=0,
        title="Gradient clipping",
        description="Longest gradient that is followed in full; it keeps single odd rows in check (MAX_GRAD_NORM).",
        json_schema_extra=OPTIMIZER,
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto",
        title="Precision",
        description="Numbers to compute in; auto takes bf16 where the hardware is made for it.",
        json_schema_extra=MEMORY,
    )
    gradient_checkpointing: bool = Field(
        False,
        title="Gradient checkpointing",
        description="Compute some values twice instead of keeping them: slower, for much less memory.",
        json_schema_extra=MEMORY,
    )
    logging_steps: int = Field(
        1,
        gt=0,
        title="Steps between log points",
        description="The curves get a point after so many steps.",
        json_schema_extra=CHECKPOINTS,
    )
    save_steps: int = Field(
        100,
        ge=0,
        title="Steps between checkpoints",
        description="An interrupted run goes on from its last checkpoint; 0 saves one only when the run is stopped.",
        json_schema_extra=CHECKPOINTS,
    )

    def train(self, run: Run) -> None:
        import torch
        from peft import LoraConfig
        from transformers import PrinterCallback
        from trl import KTOConfig, KTOTrainer

        from training_methods.trainers import hugging_face, judged_examples, model_card

        bf16 = hugging_face.uses_bf16(self.precision)
        tokenizer = hugging_face.load_tokenizer(run.base_model)
        max_length = hugging_face.fitting_length(run.base_model, self.max_length, run)
        data = judged_examples.load_labelled(
            run,
            tokenizer,
            max_length=max_length,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
        )
        dtype = torch.bfloat16 if bf16 and self.use_lora else torch.float32
        model = hugging_face.load_model(run.base_model, dtype=dtype)
        adapter = None
        if self.use_lora:
            adapter = LoraConfig(
                task_type="CAUSAL_LM",
                r=self.rank,
                lora_alpha=self.alpha,
                lora_dropout=self.dropout,
                target_modules=hugging_face.adapted_layers(model, self.target_modules),
            )
        # With an adapter the reference is the base model itself, the adapter switched off.
        reference = None
        if not self.use_lora and not self.precompute_reference:
            reference = hugging_face.load_model(run.base_model, dtype=dtype)
        trainer = KTOTrainer(
            model=model,
            ref_model=reference,
            peft_config=adapter,
            processing_class=tokenizer,
            train_dataset=data.train.shuffle(seed=run.seed),
            eval_dataset=data.evaluation,
            callbacks=[hugging_face.Reporter(run, *hugging_face.PREFERENCE_CURVES)],
            args=KTOConfig(
                output_dir=str(run.checkpoints),
                seed=run.seed,
                beta=self.beta,
                loss_type=self.loss_type,
                desirable_weight=self.desirable_weight,
                undesirable_weight=self.undesirable_weight,
                precompute_ref_log_probs=self.precompute_reference,
                num_train_epochs=self.epochs,
                max_steps=self.max_steps or -1,
                per_device_train_batch_size=self.batch_size,
                per_device_eval_batch_size=self.batch_size,
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                learning_rate=self.learning_rate,
                lr_scheduler_type=self.lr_scheduler,
                warmup_steps=self.warmup_ratio,
                weight_decay=self.weight_decay,
                max_grad_norm=self.max_grad_norm,
                max_length=max_length,
                gradient_checkpointing=self.gradient_checkpointing,
                bf16=bf16,
                use_cpu=not torch.cuda.is_available(),
                dataloader_pin_memory=torch.cuda.is_available(),
                eval_strategy="epoch" if data.evaluation else "no",
                logging_steps=self.logging_steps,
                logging_nan_inf_filter=False,
                save_strategy="steps" if self.save_steps else "no",
                save_steps=self.save_steps or 1,
                save_total_limit=2,
                disable_tqdm=True,
                report_to="none",
            ),
        )
        trainer.remove_callback(PrinterCallback)
        if not run.stop_requested:
            trainer.train(resume_from_checkpoint=str(run.resume_from) if run.resume_from else None)
        if run.stop_requested:
            return

        tuned = trainer.model if self.use_lora else trainer.model.to(hugging_face.own_dtype(run.base_model))
        tuned.save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=trainer.state.global_step, epochs=trainer.state.epoch)
