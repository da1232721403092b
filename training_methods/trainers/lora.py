"""LoRA: the base model stays as it is, and a small adapter beside it learns."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from training_methods.trainers import fields, lora_fields, objections
from training_methods.trainers.base import (
    LORA,
    SUPERVISED,
    Inputs,
    MethodType,
    Run,
    Trainer,
    register,
)
from training_methods.trainers.objections import Objection


@register
class Lora(Trainer):
    """Teach a base model with your examples through a small adapter: quick, and the base stays as it is."""

    slug: ClassVar = "lora"
    label: ClassVar = "LoRA fine-tuning"
    method_type: ClassVar = MethodType.PEFT
    data_formats: ClassVar = SUPERVISED

    epochs: fields.Epochs = 3
    learning_rate: fields.LearningRate = 2e-4
    batch_size: fields.BatchSize = 4
    max_length: fields.MaxLength = 512
    rank: lora_fields.Rank = 16
    alpha: lora_fields.Alpha = 32
    dropout: lora_fields.Dropout = 0.0
    target_modules: lora_fields.TargetModules = "all-linear"
    variant: Literal["lora", "rslora", "dora", "pissa", "vera", "loha", "oft"] = Field(
        "lora",
        title="Variant",
        description="rslora keeps large ranks learning; dora and pissa come closer to full fine-tuning, pissa sooner, "
        "dora slower; vera has far fewer weights and wants ten times the learning rate; loha reaches a higher rank "
        "with as many weights and wants five times the learning rate; oft turns the weights in blocks as large as the "
        "rank.",
        json_schema_extra=LORA,
    )
    max_steps: fields.MaxSteps = None
    max_samples: fields.MaxSamples = None
    learn_from: fields.LearnFrom = "answers"
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
    packing: fields.Packing = False
    group_by_length: fields.GroupByLength = True
    gradient_checkpointing: fields.GradientCheckpointing = False
    logging_steps: fields.LoggingSteps = 1
    save_steps: fields.SaveSteps = 100

    def objections(self, given: Inputs) -> Iterator[Objection]:
        yield from objections.to_no_chat_template(given, self.chat_template)
        yield from objections.to_no_held_out_rows(self, given)

    def train(self, run: Run) -> None:
        from transformers import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        from training_methods.trainers import (
            acceleration,
            adapters,
            evaluations,
            examples,
            hugging_face,
            model_card,
            reporting,
        )

        speed = acceleration.choose(run, self.precision, in_4bit=self.load_in_4bit, fuses=True)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        max_length = hugging_face.fitting_length(run.base_model, self.max_length, run)
        data = examples.load(
            run,
            tokenizer,
            max_length=max_length,
            learn_from=self.learn_from,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        watchers = evaluations.callbacks(
            run, tokenizer, every=self.evaluation_steps, prompts=self.sample_prompts, patience=self.patience
        )
        if speed.in_4bit:
            model = adapters.load_in_4bit(run.base_model, self.variant, dtype=speed.dtype, attention=speed.attention)
        else:
            model = hugging_face.load_model(run.base_model, dtype=speed.dtype, attention=speed.attention)
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
            callbacks=[*watchers, reporting.Reporter(run)],
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
        if speed.in_4bit and not speed.bf16:
            adapters.learn_in_fp32(trainer.model)
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
