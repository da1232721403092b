"""Distillation: the model answers prompts, and learns what a larger one would have said at every word."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from training_methods.trainers import fields, lora_fields, objections, sampling_fields
from training_methods.trainers.base import (
    BASICS,
    DataFormat,
    Inputs,
    MethodType,
    Run,
    Trainer,
    TrainingError,
    register,
)
from training_methods.trainers.objections import Objection


@register
class Distillation(Trainer):
    """Bring a small model closer to a larger one of its family: it answers, and the teacher shows it better words."""

    slug: ClassVar = "distillation"
    label: ClassVar = "Distillation"
    method_type: ClassVar = MethodType.DISTILLATION
    data_formats: ClassVar = (DataFormat.PROMPT, DataFormat.QUESTION_ANSWER, DataFormat.PROMPT_COMPLETION)

    teacher: str = Field(
        min_length=1,
        title="Teacher",
        description="The larger model to learn from; it must have the base model's vocabulary.",
        json_schema_extra={**BASICS, "refers_to": "causal-lm"},
    )
    epochs: fields.Epochs = 1
    learning_rate: fields.LearningRate = 1e-5
    batch_size: int = Field(
        8,
        gt=0,
        title="Batch size",
        description="Prompts answered and learnt from at once; more is steadier and needs more memory (BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    divergence: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Divergence",
        description="0 follows all that the teacher finds possible and learns soonest; 1 only what it finds likeliest.",
        json_schema_extra=BASICS,
    )
    max_completion_length: sampling_fields.MaxCompletionLength = 256
    temperature: sampling_fields.Temperature = 1.0
    top_p: sampling_fields.TopP = 1.0
    max_prompt_length: sampling_fields.MaxPromptLength = 512
    sample_steps: sampling_fields.SampleSteps = 50
    use_lora: lora_fields.UseLora = True
    rank: lora_fields.Rank = 16
    alpha: lora_fields.Alpha = 32
    target_modules: lora_fields.TargetModules = "all-linear"
    max_steps: fields.MaxSteps = None
    max_samples: fields.MaxSamples = None
    chat_template: fields.ChatTemplate = "own"
    evaluation_fraction: fields.EvaluationFraction = 0.0
    evaluation_steps: fields.EvaluationSteps = 50
    keep_best: fields.KeepBest = False
    patience: fields.Patience = None
    gradient_accumulation_steps: fields.GradientAccumulationSteps = 1
    lr_scheduler: fields.Scheduler = "constant_with_warmup"
    warmup_ratio: fields.WarmupRatio = 0.05
    weight_decay: fields.WeightDecay = 0.0
    max_grad_norm: fields.MaxGradNorm = 1.0
    precision: fields.Precision = "auto"
    load_in_4bit: fields.LoadIn4bit = False
    gradient_checkpointing: fields.GradientCheckpointing = False
    logging_steps: fields.LoggingSteps = 1
    save_steps: fields.SaveSteps = 100

    def objections(self, given: Inputs) -> Iterator[Objection]:
        yield from objections.to_another_vocabulary(given, "teacher", self.teacher)
        prompts_a_step = self.batch_size * self.gradient_accumulation_steps
        yield from objections.to_few_rows(given, prompts_a_step, self.max_samples)
        yield from objections.to_no_chat_template(given, self.chat_template)
        yield from objections.to_no_held_out_rows(self, given)

    def train(self, run: Run) -> None:
        from peft import LoraConfig
        from transformers import PrinterCallback
        from trl import DistillationConfig, DistillationTrainer

        from training_methods.trainers import (
            acceleration,
            adapters,
            evaluations,
            hugging_face,
            model_card,
            prompts,
            reporting,
        )

        speed = acceleration.choose(run, self.precision, in_4bit=self.load_in_4bit, whole=not self.use_lora)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        teacher = run.model(self.teacher)
        check_teacher(teacher, tokenizer)
        max_prompt_length, max_completion_length = prompts.fitting_lengths(
            run, self.max_prompt_length, self.max_completion_length
        )
        data = prompts.load(
            run,
            tokenizer,
            [],
            max_prompt_length=max_prompt_length,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
            prompts_a_step=self.batch_size * self.gradient_accumulation_steps,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        watchers = evaluations.callbacks(run, tokenizer, every=self.evaluation_steps, patience=self.patience)
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
                target_modules=hugging_face.adapted_layers(model, self.target_modules),
            )
        trainer = DistillationTrainer(
            model=model,
            teacher_model=hugging_face.load_model(teacher, dtype=speed.dtype),
            peft_config=adapter,
            processing_class=tokenizer,
            train_dataset=data.train,
            eval_dataset=data.evaluation,
            callbacks=[
                *watchers,
                prompts.Order(),
                prompts.Samples(run, tokenizer, data, every=self.sample_steps, max_tokens=max_completion_length),
                reporting.Reporter(run, *prompts.CURVES),
            ],
            args=DistillationConfig(
                output_dir=str(run.checkpoints),
                seed=run.seed,
                num_train_epochs=self.epochs,
                max_steps=self.max_steps or -1,
                per_device_train_batch_size=self.batch_size,
                per_device_eval_batch_size=self.batch_size,
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                max_completion_length=max_completion_length,
                temperature=self.temperature,
                top_p=self.top_p,
                beta=self.divergence,
                learning_rate=self.learning_rate,
                lr_scheduler_type=self.lr_scheduler,
                warmup_steps=self.warmup_ratio,
                weight_decay=self.weight_decay,
                max_grad_norm=self.max_grad_norm,
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


def check_teacher(folder: Path, tokenizer: Any) -> None:
    """Raises TrainingError where its words are not the base model's, so that they cannot be compared."""
    from training_methods.trainers import hugging_face

    words = hugging_face.load_tokenizer(folder).get_vocab()
    if words != tokenizer.get_vocab():
        raise TrainingError(
            f"The teacher {folder} has another vocabulary ({len(words):,} tokens) than the base model "
            f"({len(tokenizer.get_vocab()):,}), so their words cannot be compared.",
            "Choose a teacher of the base model's own family.",
        )
