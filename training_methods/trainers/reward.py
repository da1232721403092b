"""A reward model: gives an answer a number, higher for what people chose."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from training_methods.trainers import fields, lora_fields, objections
from training_methods.trainers.base import (
    LORA,
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
class Reward(Trainer):
    """Train a model that scores answers, from pairs of answers; PPO learns from its scores."""

    slug: ClassVar = "reward"
    label: ClassVar = "Reward model"
    method_type: ClassVar = MethodType.REWARD
    data_formats: ClassVar = (DataFormat.PREFERENCE, DataFormat.PAIRS)

    epochs: fields.Epochs = 1
    learning_rate: fields.LearningRate = 1e-4
    batch_size: fields.BatchSize = 4
    max_length: fields.MaxLength = 1024
    center_rewards: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Centre the scores",
        description="Weight of keeping scores around 0, which makes those of two models comparable; 0.01 is usual.",
        json_schema_extra=OBJECTIVE,
    )
    use_lora: bool = Field(
        True,
        title="LoRA",
        description="Train a small adapter, merged into the base model at the end; without it every weight learns.",
        json_schema_extra=LORA,
    )
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
        yield from objections.to_no_held_out_rows(self, given)

    def train(self, run: Run) -> None:
        from peft import LoraConfig
        from transformers import PrinterCallback
        from trl import RewardConfig, RewardTrainer

        from training_methods.trainers import (
            acceleration,
            adapters,
            evaluations,
            hugging_face,
            judged_examples,
            model_card,
            reporting,
        )

        speed = acceleration.choose(run, self.precision, in_4bit=self.load_in_4bit, whole=not self.use_lora)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        max_length = hugging_face.fitting_length(run.base_model, self.max_length, run)
        data = judged_examples.load_scored(
            run,
            tokenizer,
            max_length=max_length,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        watchers = evaluations.callbacks(run, tokenizer, every=self.evaluation_steps, patience=self.patience)
        head = {"padding": tokenizer.pad_token_id, "seed": run.seed}
        if speed.in_4bit:
            model = adapters.load_scorer_in_4bit(run.base_model, dtype=speed.dtype, **head)
        else:
            model = hugging_face.load_scorer(run.base_model, dtype=speed.dtype, **head)
        adapter = None
        if self.use_lora:
            adapter = LoraConfig(
                task_type="SEQ_CLS",
                r=self.rank,
                lora_alpha=self.alpha,
                lora_dropout=self.dropout,
                target_modules=hugging_face.adapted_layers(model, self.target_modules),
                modules_to_save=["score"],
            )
        trainer = RewardTrainer(
            model=model,
            peft_config=adapter,
            processing_class=tokenizer,
            train_dataset=data.train,
            eval_dataset=data.evaluation,
            callbacks=[*watchers, reporting.Reporter(run, *reporting.REWARD_CURVES)],
            args=RewardConfig(
                output_dir=str(run.checkpoints),
                seed=run.seed,
                center_rewards_coefficient=self.center_rewards or None,
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
        if self.use_lora:
            trainer.model.base_model.model.score.float()  # bf16 would lose the small steps of a head: it learns whole
        if not run.stop_requested:
            trainer.train(resume_from_checkpoint=str(run.resume_from) if run.resume_from else None)
        if run.stop_requested:
            return
        if keeps_best:
            evaluations.note_best(run, trainer.state)

        scorer = trainer.model
        if speed.in_4bit:
            scorer = adapters.merged_scorer(
                scorer, hugging_face.load_scorer(run.base_model, dtype=speed.dtype, **head), run
            )
        elif self.use_lora:
            scorer = scorer.merge_and_unload()
        scorer.to(hugging_face.own_dtype(run.base_model)).save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=trainer.state.global_step, epochs=trainer.state.epoch)
