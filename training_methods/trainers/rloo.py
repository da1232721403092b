"""RLOO: the model answers each prompt several times, and each answer is held against the average of the others."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from training_methods.trainers import fields, lora_fields, objections, sampling_fields
from training_methods.trainers.base import (
    BASICS,
    OPTIMIZER,
    DataFormat,
    Inputs,
    MethodType,
    Run,
    Trainer,
    register,
)
from training_methods.trainers.objections import Objection


@register
class Rloo(Trainer):
    """Let a model try: an answer becomes likelier if your rewards rate it above the others to the same prompt."""

    slug: ClassVar = "rloo"
    label: ClassVar = "RLOO"
    method_type: ClassVar = MethodType.RLOO
    data_formats: ClassVar = (DataFormat.PROMPT, DataFormat.QUESTION_ANSWER, DataFormat.PROMPT_COMPLETION)

    rewards: sampling_fields.Rewards = "exact_match"
    reward_model: sampling_fields.RewardModel = None
    epochs: fields.Epochs = 1
    learning_rate: fields.LearningRate = 1e-5
    num_generations: sampling_fields.NumGenerations = 4
    batch_size: int = Field(
        8,
        gt=0,
        title="Batch size",
        description="Answers learnt from at once; with gradient accumulation a multiple of those per prompt "
        "(BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    max_completion_length: sampling_fields.MaxCompletionLength = 256
    temperature: sampling_fields.Temperature = 1.0
    top_p: sampling_fields.TopP = 1.0
    max_prompt_length: sampling_fields.MaxPromptLength = 512
    reward_model_weight: sampling_fields.RewardModelWeight = 1.0
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
    beta: float = Field(
        0.05,
        ge=0,
        le=10,
        title="Beta",
        description="Pull back towards the base model (weight of the KL divergence); 0 lets go and is faster.",
        json_schema_extra=OPTIMIZER,
    )
    epsilon: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Clipping",
        description="How far one step may change the probability of a word.",
        json_schema_extra=OPTIMIZER,
    )
    num_iterations: int = Field(
        1,
        gt=0,
        le=16,
        title="Steps per sampling",
        description="How often the same answers are learnt from before new ones are drawn.",
        json_schema_extra=OPTIMIZER,
    )
    normalize_advantages: bool = Field(
        False,
        title="Normalize advantages",
        description="Divide what is above or below the others' average by its spread in the batch.",
        json_schema_extra=OPTIMIZER,
    )
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
        answers_a_step = self.batch_size * self.gradient_accumulation_steps
        yield from objections.to_groups(answers_a_step, self.num_generations)
        yield from objections.to_few_rows(given, answers_a_step // self.num_generations, self.max_samples)
        yield from objections.to_rewards(self.rewards, given, reward_model=self.reward_model)
        yield from objections.to_reference(given, self.beta, use_lora=self.use_lora)
        yield from objections.to_no_chat_template(given, self.chat_template)
        yield from objections.to_no_held_out_rows(self, given)

    def train(self, run: Run) -> None:
        from peft import LoraConfig
        from transformers import PrinterCallback
        from trl import RLOOConfig, RLOOTrainer

        from training_methods.trainers import (
            acceleration,
            adapters,
            evaluations,
            hugging_face,
            model_card,
            prompts,
            rating,
            reporting,
        )

        answers_a_step = self.batch_size * self.gradient_accumulation_steps
        rewards = prompts.load_rewards(self.rewards, run)
        speed = acceleration.choose(run, self.precision, in_4bit=self.load_in_4bit, whole=not self.use_lora, fuses=True)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        max_prompt_length, max_completion_length = prompts.fitting_lengths(
            run, self.max_prompt_length, self.max_completion_length
        )
        data = prompts.load(
            run,
            tokenizer,
            rewards,
            max_prompt_length=max_prompt_length,
            max_samples=self.max_samples,
            evaluation_fraction=self.evaluation_fraction,
            prompts_a_step=answers_a_step // self.num_generations,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        watchers = evaluations.callbacks(run, tokenizer, every=self.evaluation_steps, patience=self.patience)
        raters = rating.raters(run, rewards, model=self.reward_model, weight=self.reward_model_weight, bf16=speed.bf16)
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
        trainer = RLOOTrainer(
            model=model,
            peft_config=adapter,
            processing_class=tokenizer,
            reward_funcs=[rater.rate for rater in raters],
            train_dataset=data.train,
            eval_dataset=data.evaluation,
            callbacks=[
                *watchers,
                prompts.Order(),
                prompts.Samples(run, tokenizer, data, every=self.sample_steps, max_tokens=max_completion_length),
                reporting.Reporter(run, *prompts.curves(rater.curve for rater in raters)),
            ],
            args=RLOOConfig(
                output_dir=str(run.checkpoints),
                seed=run.seed,
                num_train_epochs=self.epochs,
                max_steps=self.max_steps or -1,
                per_device_train_batch_size=self.batch_size,
                per_device_eval_batch_size=prompts.evaluation_batch(self.batch_size, self.num_generations),
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                num_generations=self.num_generations,
                max_completion_length=max_completion_length,
                temperature=self.temperature,
                top_p=self.top_p,
                beta=self.beta,
                epsilon=self.epsilon,
                num_iterations=self.num_iterations,
                normalize_advantages=self.normalize_advantages,
                reward_weights=[rater.weight for rater in raters],
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
                    data,
                    every=self.evaluation_steps,
                    keeps_best=keeps_best,
                    save_steps=self.save_steps,
                    best="eval_reward",
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
            evaluations.note_best(run, trainer.state, best="eval_reward")

        tuned = trainer.model if self.use_lora else trainer.model.to(hugging_face.own_dtype(run.base_model))
        tuned.save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=trainer.state.global_step, epochs=trainer.state.epoch)
