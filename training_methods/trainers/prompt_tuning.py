"""Prompt tuning: the base model stays as it is, and made-up tokens in front of every prompt learn."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from training_methods.trainers import fields, objections
from training_methods.trainers.base import (
    ADAPTER,
    SUPERVISED,
    Inputs,
    MethodType,
    Run,
    Trainer,
    TrainingError,
    register,
)
from training_methods.trainers.objections import Objection


@register
class PromptTuning(Trainer):
    """Teach a base model with your examples through tokens put in front of every prompt: for one task, in kilobytes."""

    slug: ClassVar = "prompt-tuning"
    label: ClassVar = "Prompt tuning"
    method_type: ClassVar = MethodType.PEFT
    data_formats: ClassVar = SUPERVISED

    epochs: fields.Epochs = 3
    learning_rate: fields.LearningRate = 3e-2
    batch_size: fields.BatchSize = 4
    max_length: fields.MaxLength = 512
    variant: Literal["prompt", "prefix", "p-tuning"] = Field(
        "prompt",
        title="Variant",
        description="prompt learns tokens before the text; prefix learns keys and values before the text in every "
        "layer, which is stronger; p-tuning lets a small network make the tokens, which is steadier.",
        json_schema_extra=ADAPTER,
    )
    virtual_tokens: int = Field(
        20,
        gt=0,
        le=1024,
        title="Virtual tokens",
        description="How many tokens are learnt; they take as much of the model's context.",
        json_schema_extra=ADAPTER,
    )
    start_text: str = Field(
        "",
        title="Starting text",
        description="Words that the tokens begin as, for the variant prompt; say what the task is. Empty: random.",
        json_schema_extra=ADAPTER,
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
    group_by_length: fields.GroupByLength = True
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

        speed = acceleration.choose(run, self.precision)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        max_length = hugging_face.fitting_length(run.base_model, self.max_length + self.virtual_tokens, run)
        max_length -= self.virtual_tokens
        if max_length < 2:
            raise TrainingError(
                f"{self.virtual_tokens} virtual tokens leave no room for rows in this base model's context.",
                "Take fewer of them.",
            )
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
        model = hugging_face.load_model(run.base_model, dtype=speed.dtype, attention=speed.attention)
        adapter = adapters.prompt(
            self.variant, model, tokens=self.virtual_tokens, start_text=self.start_text, base_model=run.base_model
        )
        keepers = [adapters.EncoderKeeper(run.resume_from)] if self.variant == "p-tuning" else []
        trainer = SFTTrainer(
            model=model,
            peft_config=adapter,
            processing_class=tokenizer,
            train_dataset=data.train,
            eval_dataset=data.evaluation,
            callbacks=[*keepers, *watchers, reporting.Reporter(run)],
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
                train_sampling_strategy="group_by_length" if self.group_by_length else "random",
                gradient_checkpointing=False,
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

        trainer.model.save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=trainer.state.global_step, epochs=trainer.state.epoch)
