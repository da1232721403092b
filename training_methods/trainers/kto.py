"""KTO: good answers become likelier and bad ones less so; no pairs are needed."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from training_methods.trainers import fields, lora_fields, objections
from training_methods.trainers.base import (
    BASICS,
    OBJECTIVE,
    DataFormat,
    Inputs,
    MethodType,
    Run,
    Trainer,
    register,
)
from training_methods.trainers.objections import Objection


@register
class Kto(Trainer):
    """Teach a model from single answers that were marked good or bad."""

    slug: ClassVar = "kto"
    label: ClassVar = "KTO"
    method_type: ClassVar = MethodType.KTO
    data_formats: ClassVar = (DataFormat.LABELLED, DataFormat.PREFERENCE, DataFormat.PAIRS)

    epochs: fields.Epochs = 1
    learning_rate: fields.LearningRate = 1e-5
    batch_size: int = Field(
        4,
        ge=2,
        title="Batch size",
        description="Rows learnt from at once, two at least, since answers are compared with others' (BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    max_length: fields.MaxLength = 1024
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
    precompute_reference: fields.PrecomputeReference = False
    use_lora: lora_fields.UseLora = True
    rank: lora_fields.Rank = 16
    alpha: lora_fields.Alpha = 32
    dropout: lora_fields.Dropout = 0.0
    target_modules: lora_fields.TargetModules = "all-linear"
    max_steps: fields.MaxSteps = None
    max_samples: fields.MaxSamples = None
    chat_template: fields.ChatTemplate = "own"
    evaluation_fraction: fields.EvaluationFraction = 0.0
    evaluation_steps: fields.EvaluationSteps = None
    keep_best: fields.KeepBest = False
    patience: fields.Patience = None
    sample_prompts: fields.SamplePrompts = ""
    gradient_accumulation_steps: fields.GradientAccumulationSteps = 1
    lr_scheduler: fields.Scheduler = "cosine"
    warmup_ratio: fields.WarmupRatio = 0.05
    weight_decay: fields.WeightDecay = 0.0
    max_grad_norm: fields.MaxGradNorm = 1.0
    precision: fields.Precision = "auto"
    load_in_4bit: fields.LoadIn4bit = False
    gradient_checkpointing: fields.GradientCheckpointing = False
    logging_steps: fields.LoggingSteps = 1
    save_steps: fields.SaveSteps = 100

    def objections(self, given: Inputs) -> Iterator[Objection]:
        yield from objections.to_no_chat_template(given, self.chat_template)
        yield from objections.to_no_held_out_rows(self, given, counted=False)  # a pair becomes two rows

    def train(self, run: Run) -> None:
        from peft import LoraConfig
        from transformers import PrinterCallback
        from trl import KTOConfig, KTOTrainer

        from training_methods.trainers import (
            acceleration,
            adapters,
            evaluations,
            hugging_face,
            judged_examples,
            model_card,
            reporting,
        )

        speed = acceleration.choose(run, self.precision, in_4bit=self.load_in_4bit, whole=not self.use_lora, fuses=True)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        max_length = hugging_face.fitting_length(run.base_model, self.max_length, run)
        data = judged_examples.load_labelled(
            run,
            tokenizer,
            max_length=max_length,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        watchers = evaluations.callbacks(
            run, tokenizer, every=self.evaluation_steps, prompts=self.sample_prompts, patience=self.patience
        )
        if speed.in_4bit:
            model = adapters.load_in_4bit(run.base_model, dtype=speed.dtype, attention=speed.attention)
        else:
            model = hugging_face.load_model(run.base_model, dtype=speed.dtype, attention=speed.attention)
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
            reference = hugging_face.load_model(run.base_model, dtype=speed.dtype, attention=speed.attention)
        trainer = KTOTrainer(
            model=model,
            ref_model=reference,
            peft_config=adapter,
            processing_class=tokenizer,
            train_dataset=data.train.shuffle(seed=run.seed),
            eval_dataset=data.evaluation,
            callbacks=[*watchers, reporting.Reporter(run, *reporting.PREFERENCE_CURVES)],
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
                **speed.arguments,
                logging_steps=self.logging_steps,
                logging_nan_inf_filter=False,
                **evaluations.schedule(
                    data, every=self.evaluation_steps, keeps_best=keeps_best, save_steps=self.save_steps
                ),
                disable_tqdm=True,
                report_to="none",
            ),
        )
        trainer.remove_callback(PrinterCallback)
        if not run.stop_requested:
            trainer.train(resume_from_checkpoint=str(run.resume_from) if run.resume_from else None)
        if run.stop_requested:
            return
        if keeps_best:
            evaluations.note_best(run, trainer.state)

        tuned = trainer.model if self.use_lora else trainer.model.to(hugging_face.own_dtype(run.base_model))
        tuned.save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=trainer.state.global_step, epochs=trainer.state.epoch)
