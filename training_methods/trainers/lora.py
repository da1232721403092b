"""LoRA: the base model stays as it is, and a small adapter beside it learns."""

from typing import ClassVar, Literal

from pydantic import Field

from training_methods.trainers.base import (
    BASICS,
    CHECKPOINTS,
    DATA,
    EVALUATION,
    LORA,
    MEMORY,
    OPTIMIZER,
    SUPERVISED,
    MethodType,
    Run,
    Trainer,
    register,
)


@register
class Lora(Trainer):
    """Teach a base model with your examples through a small adapter: quick, and the base stays as it is."""

    slug: ClassVar = "lora"
    label: ClassVar = "LoRA fine-tuning"
    method_type: ClassVar = MethodType.PEFT
    data_formats: ClassVar = SUPERVISED

    epochs: float = Field(
        3,
        gt=0,
        le=1000,
        title="Epochs",
        description="How often the training goes through the whole dataset.",
        json_schema_extra=BASICS,
    )
    learning_rate: float = Field(
        2e-4,
        gt=0,
        lt=1,
        title="Learning rate",
        description="Size of a learning step at its peak; too large and the loss jumps (LEARNING_RATE).",
        json_schema_extra=BASICS,
    )
    batch_size: int = Field(
        4,
        gt=0,
        title="Batch size",
        description="Rows learnt from at once; more is steadier and needs more memory (BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    max_length: int = Field(
        512,
        gt=1,
        title="Maximum length",
        description="Longest row in tokens; what is longer is cut off at its end (MAX_SEQ_LENGTH).",
        json_schema_extra=BASICS,
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
    variant: Literal["lora", "rslora", "dora", "pissa", "vera", "loha", "oft"] = Field(
        "lora",
        title="Variant",
        description="rslora keeps large ranks learning; dora and pissa come closer to full fine-tuning, pissa sooner, "
        "dora slower; vera has far fewer weights and wants ten times the learning rate; loha reaches a higher rank "
        "with as many weights; oft turns the weights in blocks as large as the rank.",
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
    keep_best: bool = Field(
        False,
        title="Keep the best",
        description="Keep the weights of the epoch with the lowest evaluation loss, not the last; needs rows held out. "
        "Checkpoints are then saved after each epoch.",
        json_schema_extra=EVALUATION,
    )
    patience: int | None = Field(
        None,
        gt=0,
        title="Patience",
        description="Stop early when the evaluation loss has not fallen for so many epochs, and keep the best.",
        json_schema_extra=EVALUATION,
    )
    sample_prompts: str = Field(
        "",
        title="Sample prompts",
        description="Prompts that the model answers after each epoch, to see it change; put | between them.",
        json_schema_extra=EVALUATION,
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
    load_in_4bit: bool = Field(
        False,
        title="4-bit base model",
        description="QLoRA: hold the base model in a quarter of the memory; needs bitsandbytes (LOAD_IN_4BIT).",
        json_schema_extra=MEMORY,
    )
    packing: bool = Field(
        False,
        title="Packing",
        description="Put several short rows into one sequence: faster, with fewer steps an epoch.",
        json_schema_extra=MEMORY,
    )
    group_by_length: bool = Field(
        True,
        title="Group by length",
        description="Put rows of similar length into one batch, so that less padding is computed.",
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
        from transformers import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        from training_methods.trainers import adapters, evaluations, examples, hugging_face, model_card

        bf16 = hugging_face.uses_bf16(self.precision)
        tokenizer = hugging_face.load_tokenizer(run.base_model)
        max_length = hugging_face.fitting_length(run.base_model, self.max_length, run)
        data = examples.load(
            run,
            tokenizer,
            max_length=max_length,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        watchers = evaluations.callbacks(run, tokenizer, prompts=self.sample_prompts, patience=self.patience)
        dtype = torch.bfloat16 if bf16 else torch.float32
        if self.load_in_4bit:
            model = adapters.load_in_4bit(run.base_model, self.variant, dtype=dtype)
        else:
            model = hugging_face.load_model(run.base_model, dtype=dtype)
        adapter = adapters.configuration(
            self.variant,
            hugging_face.adapted_layers(model, self.target_modules),
            rank=self.rank,
            alpha=self.alpha,
            dropout=self.dropout,
        )
        trainer = SFTTrainer(
            model=model,
            peft_config=adapter,
            processing_class=tokenizer,
            train_dataset=data.train,
            eval_dataset=data.evaluation,
            callbacks=[*watchers, hugging_face.Reporter(run)],
            args=SFTConfig(
                output_dir=str(run.checkpoints),
                seed=run.seed,
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
                packing=self.packing,
                train_sampling_strategy="group_by_length" if self.group_by_length else "random",
                gradient_checkpointing=self.gradient_checkpointing,
                bf16=bf16,
                use_cpu=not torch.cuda.is_available(),
                dataloader_pin_memory=torch.cuda.is_available(),
                eval_strategy="epoch" if data.evaluation else "no",
                logging_steps=self.logging_steps,
                logging_nan_inf_filter=False,
                save_strategy="epoch" if keeps_best else "steps" if self.save_steps else "no",
                save_steps=self.save_steps or 1,
                save_total_limit=2,
                load_best_model_at_end=keeps_best,
                metric_for_best_model="eval_loss" if keeps_best else None,
                greater_is_better=False,
                restore_callback_states_from_checkpoint=keeps_best,
                disable_tqdm=True,
                report_to="none",
            ),
        )
        trainer.remove_callback(PrinterCallback)
        start = adapters.keep_start(trainer.model, run)
        if not run.stop_requested:
            trainer.train(resume_from_checkpoint=str(run.resume_from) if run.resume_from else None)
        if run.stop_requested:
            return
        if keeps_best:
            evaluations.note_best(run, trainer.state)

        adapters.save(trainer.model, run.output, start=start)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=trainer.state.global_step, epochs=trainer.state.epoch)
