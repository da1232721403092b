"""RLOO: the model answers each prompt several times, and each answer is held against the average of the others."""

from typing import ClassVar, Literal

from pydantic import Field

from training_methods.trainers.base import (
    BASICS,
    CHECKPOINTS,
    DATA,
    LORA,
    MEMORY,
    OPTIMIZER,
    SAMPLING,
    DataFormat,
    MethodType,
    Run,
    Trainer,
    register,
)


@register
class Rloo(Trainer):
    """Let a model try: an answer becomes likelier if your rewards rate it above the others to the same prompt."""

    slug: ClassVar = "rloo"
    label: ClassVar = "RLOO"
    method_type: ClassVar = MethodType.RLOO
    data_formats: ClassVar = (DataFormat.PROMPT, DataFormat.QUESTION_ANSWER)

    rewards: str = Field(
        "exact_match",
        title="Rewards",
        description="What is rated, and its weight: exact_match: 1.0, length(20, 80): 0.2. There are exact_match, "
        'numeric_answer, regex("…"), valid_json, json_schema("…"), length(least, most), language("en"), and your own '
        "in rewards.py.",
        json_schema_extra={**BASICS, "grammar": "rewards"},
    )
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
        description="Size of a learning step at its peak; too large and the loss jumps (LEARNING_RATE).",
        json_schema_extra=BASICS,
    )
    num_generations: int = Field(
        4,
        gt=1,
        le=256,
        title="Answers per prompt",
        description="Answers to one prompt that are compared with one another (NUM_GENERATIONS).",
        json_schema_extra=BASICS,
    )
    batch_size: int = Field(
        8,
        gt=0,
        title="Batch size",
        description="Answers learnt from at once; with gradient accumulation a multiple of those per prompt "
        "(BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    max_completion_length: int = Field(
        256,
        gt=0,
        title="Maximum answer length",
        description="Longest answer in tokens; the time a step takes grows with it (MAX_CONTENT_LENGTH).",
        json_schema_extra=BASICS,
    )
    temperature: float = Field(
        1.0,
        gt=0,
        le=5,
        title="Temperature",
        description="How freely the model tries: answers that are all alike teach nothing, wild ones little.",
        json_schema_extra=SAMPLING,
    )
    top_p: float = Field(
        1.0,
        gt=0,
        le=1,
        title="Top p",
        description="Draw only from the likeliest words that together have this probability; 1 draws from all.",
        json_schema_extra=SAMPLING,
    )
    max_prompt_length: int = Field(
        512,
        gt=0,
        title="Maximum prompt length",
        description="Prompts with more tokens are left out, since half a question is another one (MAX_INPUT_LENGTH).",
        json_schema_extra=SAMPLING,
    )
    sample_steps: int = Field(
        50,
        ge=0,
        title="Steps between samples",
        description="After so many steps the answers to the first three prompts are kept to look at; 0 keeps none.",
        json_schema_extra=SAMPLING,
    )
    use_lora: bool = Field(
        True,
        title="LoRA",
        description="Train a small adapter beside the base model; off: train every weight, at a tenth of the rate.",
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
    gradient_accumulation_steps: int = Field(
        1,
        gt=0,
        title="Gradient accumulation",
        description="Batches added up for one step: a larger batch size for the same memory (GRAD_ACCUM_STEPS).",
        json_schema_extra=OPTIMIZER,
    )
    lr_scheduler: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "constant_with_warmup",
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
        from trl import RLOOConfig, RLOOTrainer

        from training_methods.trainers import hugging_face, model_card, prompts

        answers_a_step = self.batch_size * self.gradient_accumulation_steps
        prompts.check_groups(answers_a_step, self.num_generations)
        prompts.check_reference(run.base_model, self.beta, use_lora=self.use_lora)
        rewards = prompts.load_rewards(self.rewards, run)
        bf16 = hugging_face.uses_bf16(self.precision)
        tokenizer = hugging_face.load_tokenizer(run.base_model)
        max_prompt_length, max_completion_length = prompts.fitting_lengths(
            run, self.max_prompt_length, self.max_completion_length
        )
        data = prompts.load(
            run,
            tokenizer,
            rewards,
            max_prompt_length=max_prompt_length,
            max_samples=self.max_samples,
            prompts_a_step=answers_a_step // self.num_generations,
        )
        dtype = torch.bfloat16 if bf16 and self.use_lora else torch.float32
        model = hugging_face.load_model(run.base_model, dtype=dtype)
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
            reward_funcs=[prompts.as_function(reward) for reward in rewards],
            train_dataset=data.train,
            callbacks=[
                prompts.Order(),
                prompts.Samples(run, tokenizer, data, every=self.sample_steps, max_tokens=max_completion_length),
                hugging_face.Reporter(run, *prompts.curves(rewards)),
            ],
            args=RLOOConfig(
                output_dir=str(run.checkpoints),
                seed=run.seed,
                num_train_epochs=self.epochs,
                max_steps=self.max_steps or -1,
                per_device_train_batch_size=self.batch_size,
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                num_generations=self.num_generations,
                max_completion_length=max_completion_length,
                temperature=self.temperature,
                top_p=self.top_p,
                beta=self.beta,
                epsilon=self.epsilon,
                num_iterations=self.num_iterations,
                normalize_advantages=self.normalize_advantages,
                reward_weights=[reward.weight for reward in rewards],
                learning_rate=self.learning_rate,
                lr_scheduler_type=self.lr_scheduler,
                warmup_steps=self.warmup_ratio,
                weight_decay=self.weight_decay,
                max_grad_norm=self.max_grad_norm,
                gradient_checkpointing=self.gradient_checkpointing,
                bf16=bf16,
                use_cpu=not torch.cuda.is_available(),
                dataloader_pin_memory=torch.cuda.is_available(),
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
