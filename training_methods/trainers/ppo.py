"""PPO: the model answers, a value model learns to foresee the rating, and what turns out better becomes likelier.

Written out in plain PyTorch: rollouts.py draws answers, ppo_math.py has the arithmetic, the recipe is all here.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field

from training_methods.trainers import fields, lora_fields, objections, sampling_fields
from training_methods.trainers.base import (
    BASICS,
    OPTIMIZER,
    SAMPLING,
    DataFormat,
    Inputs,
    MethodType,
    Run,
    Trainer,
    register,
)
from training_methods.trainers.objections import Objection


@register
class Ppo(Trainer):
    """Let a model try: it answers each prompt once, and learns word by word from what your reward model says of it."""

    slug: ClassVar = "ppo"
    label: ClassVar = "PPO"
    method_type: ClassVar = MethodType.PPO
    data_formats: ClassVar = (DataFormat.PROMPT, DataFormat.QUESTION_ANSWER, DataFormat.PROMPT_COMPLETION)

    reward_model: sampling_fields.RewardModel = None
    rewards: sampling_fields.Rewards = None
    epochs: fields.Epochs = 1
    learning_rate: fields.LearningRate = 1e-5
    batch_size: int = Field(
        16,
        gt=0,
        title="Batch size",
        description="Prompts answered in one step (BATCH_SIZE).",
        json_schema_extra=BASICS,
    )
    mini_batch_size: int = Field(
        4,
        gt=0,
        title="Minibatch size",
        description="Answers learnt from at once; the batch size is a multiple of it times gradient accumulation.",
        json_schema_extra=BASICS,
    )
    max_completion_length: sampling_fields.MaxCompletionLength = 256
    temperature: sampling_fields.Temperature = 1.0
    top_p: sampling_fields.TopP = 1.0
    max_prompt_length: sampling_fields.MaxPromptLength = 512
    reward_model_weight: sampling_fields.RewardModelWeight = 1.0
    missing_eos_penalty: float = Field(
        0.0,
        ge=0,
        title="Penalty for no end",
        description="Taken off the rating of an answer that is cut off because it does not end by itself.",
        json_schema_extra=SAMPLING,
    )
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
    ppo_epochs: int = Field(
        4,
        gt=0,
        le=64,
        title="Epochs per batch",
        description="How often the same answers are learnt from before new ones are drawn.",
        json_schema_extra=OPTIMIZER,
    )
    kl_coef: float = Field(
        0.05,
        ge=0,
        le=10,
        title="KL coefficient",
        description="Pull back towards the base model, word by word; 0 lets go and is faster.",
        json_schema_extra=OPTIMIZER,
    )
    kl_estimator: Literal["k1", "k3"] = Field(
        "k1",
        title="KL estimator",
        description="How the distance from the base model is estimated: k1 is plain, k3 varies less.",
        json_schema_extra=OPTIMIZER,
    )
    gamma: float = Field(
        1.0,
        gt=0,
        le=1,
        title="Discount (gamma)",
        description="What a rating is still worth one word before; at 1 every word of an answer shares in it.",
        json_schema_extra=OPTIMIZER,
    )
    gae_lambda: float = Field(
        0.95,
        ge=0,
        le=1,
        title="GAE lambda",
        description="1 trusts the ratings alone, 0 the value model alone, which is steadier and may be wrong.",
        json_schema_extra=OPTIMIZER,
    )
    clip_range: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Clipping",
        description="How far one batch may change the probability of a word.",
        json_schema_extra=OPTIMIZER,
    )
    value_clip_range: float = Field(
        0.2,
        gt=0,
        title="Clipping of values",
        description="How far one batch may move what the value model expects; as large as ratings differ, or larger.",
        json_schema_extra=OPTIMIZER,
    )
    value_coef: float = Field(
        0.1,
        ge=0,
        le=10,
        title="Value coefficient",
        description="Weight of the value model's loss in the sum.",
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
        yield from objections.to_updates(self.batch_size, self.mini_batch_size * self.gradient_accumulation_steps)
        yield from objections.to_few_rows(given, self.batch_size, self.max_samples)
        yield from objections.to_rewards(self.rewards, given, reward_model=self.reward_model)
        if self.reward_model:  # the value model begins as its copy; whether all words are the same is read in `train`
            yield from objections.to_another_vocabulary(given, "reward_model", self.reward_model, filling=1024)
        yield from objections.to_no_chat_template(given, self.chat_template)
        yield from objections.to_no_held_out_rows(self, given)

    def train(self, run: Run) -> None:
        import torch
        from transformers import get_scheduler, set_seed

        from training_methods.trainers import (
            acceleration,
            adapters,
            evaluations,
            hugging_face,
            loops,
            model_card,
            ppo_math,
            prompts,
            rating,
            reporting,
            rollouts,
        )

        rewards = prompts.load_rewards(self.rewards, run)
        speed = acceleration.choose(run, self.precision, in_4bit=self.load_in_4bit, whole=not self.use_lora)
        tokenizer = hugging_face.load_tokenizer(run.base_model, self.chat_template)
        value_folder = run.base_model
        if self.reward_model:
            value_folder = run.model(self.reward_model)
            rating.check_vocabulary(value_folder, tokenizer)
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
            prompts_a_step=self.batch_size,
        )
        keeps_best = self.keep_best or self.patience is not None
        evaluations.check(data, keeps_best=keeps_best)
        total = self.max_steps or math.ceil(self.epochs * len(data.train) / self.batch_size)
        raters = rating.raters(run, rewards, model=self.reward_model, weight=self.reward_model_weight, bf16=speed.bf16)

        # The policy; the reference it is held to; and the value model, which foresees the rating at every word and
        # begins as the reward model where there is one. With LoRA the reference is the policy without its adapter.
        device = "cuda" if speed.cuda else "cpu"
        load_policy = partial(hugging_face.load_model, run.base_model, dtype=speed.dtype, attention=speed.attention)
        head = {"padding": tokenizer.pad_token_id, "seed": run.seed}
        if speed.in_4bit:
            policy = reference = adapters.load_in_4bit(run.base_model, dtype=speed.dtype, attention=speed.attention)
            value_model = adapters.load_scorer_in_4bit(value_folder, dtype=speed.dtype, **head)
        else:
            policy = reference = load_policy()
            value_model = hugging_face.load_scorer(value_folder, dtype=speed.dtype, **head)
        if self.use_lora:
            policy = reference = add_adapter(policy, self, task_type="CAUSAL_LM")
            add_adapter(value_model, self, task_type="SEQ_CLS", modules_to_save=["score"])
            value_model.score.float()  # bf16 would lose the small steps of a head that learns as a whole
        elif self.kl_coef:
            reference = load_policy().to(device).eval()
        for model in (policy.to(device), value_model.to(device)):
            rollouts.prepare(model, gradient_checkpointing=self.gradient_checkpointing)

        sampling = rollouts.sampling(
            policy, tokenizer, temperature=self.temperature, top_p=self.top_p, max_tokens=max_completion_length
        )
        samples = prompts.Samples(run, tokenizer, data, every=self.sample_steps, max_tokens=max_completion_length)
        weights = [rollouts.learning(model) for model in (policy, value_model)]
        learnt = [weight for named in weights for weight in named.values()]
        optimizer = torch.optim.AdamW(learnt, lr=self.learning_rate, weight_decay=self.weight_decay, fused=True)
        updates = self.ppo_epochs * self.batch_size // (self.mini_batch_size * self.gradient_accumulation_steps)
        schedule = get_scheduler(
            self.lr_scheduler,
            optimizer,
            num_warmup_steps=math.ceil(self.warmup_ratio * total * updates),
            num_training_steps=total * updates,
        )
        at_once = self.mini_batch_size
        autocast = partial(torch.autocast, device, dtype=torch.bfloat16, enabled=speed.bf16)

        def rated(rows: list[dict[str, Any]]) -> tuple[rollouts.Answers, torch.Tensor, dict[str, torch.Tensor]] | None:
            """Answers to the rows' prompts, what each is worth, and every curve of that. None: broken off."""
            policy.eval()
            asked = [prompts.token_ids(row["prompt"], tokenizer) for row in rows]
            with torch.no_grad(), autocast():
                answers = rollouts.draw(policy, asked, sampling, stop=lambda: run.stop_requested)
            if run.stop_requested:
                return None
            said, given = rollouts.texts(answers, tokenizer), [row["row"] for row in rows]
            ratings = {one.curve: torch.tensor(one.rate(completions=said, row=given)) for one in raters}
            ended = rollouts.ended(answers, sampling).cpu()
            scores = sum(one.weight * ratings[one.curve] for one in raters) - self.missing_eos_penalty * ~ended
            curves = {"reward": scores, **{f"rewards/{curve}/mean": rating for curve, rating in ratings.items()}}
            length = answers.mask.sum(1).float().cpu()
            return answers, scores, curves | {"completions/mean_length": length, "completions/ended": ended.float()}

        def evaluated() -> dict[str, float] | None:
            """The curves of the rows held out, whose answers are drawn with the same random numbers each time."""
            set_seed(run.seed)
            rows = list(data.evaluation or ())
            parts = [rated(rows[start : start + self.batch_size]) for start in range(0, len(rows), self.batch_size)]
            curves = [part[2] for part in parts if part]
            if len(curves) < len(parts):
                return None
            return {name: torch.cat([one[name] for one in curves]).mean().item() for name in curves[0]}

        held_out = loops.HeldOut(
            run,
            total,
            every=(self.evaluation_steps or math.ceil(len(data.train) / self.batch_size)) if data.evaluation else 0,
            evaluate=evaluated,
            weights=weights[0],
            keeps_best=keeps_best,
            patience=self.patience,
        )

        # Where an earlier attempt left off, be it between two steps or within one.
        step, tokens, rollout = 0, 0, None
        if run.resume_from:
            kept = loops.load(run.resume_from)
            step, tokens = kept["step"], kept["tokens"]
            rollout = rollouts.Rollout.of(kept["rollout"], device) if kept["rollout"] else None
            policy.load_state_dict(kept["policy"], strict=False)
            value_model.load_state_dict(kept["value_model"], strict=False)
            optimizer.load_state_dict(kept["optimizer"])
            schedule.load_state_dict(kept["schedule"])
            held_out.restore(kept["held_out"])
            reporting.take_rate(schedule)
        elif self.sample_steps:
            samples.keep(policy, 0)

        def save_checkpoint() -> None:
            name = f"checkpoint-{step}" + (f"-{len(rollout.done)}" if rollout else "")
            state = {"step": step, "tokens": tokens, "rollout": rollout.state() if rollout else None}
            state |= {"policy": rollouts.learning(policy), "value_model": rollouts.learning(value_model)}
            state |= {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            state |= {"held_out": held_out.state()}
            loops.save(run, step, name, state)

        report = loops.Report(run, step, total, tokens=tokens, every=self.logging_steps)
        while not run.stop_requested:
            held_out.look(step)
            has_to_end = run.stop_requested or (step and run.finish_requested)
            if step >= total or held_out.has_seen_enough or has_to_end:
                break
            # Answers to the next prompts, and what they are worth. A step draws its random numbers from its own
            # number: one that is begun again is the same again.
            if not rollout:
                set_seed((run.seed + 1_000_003 * step) % 2**32)
                rows = [data.train[place] for place in loops.places(step, self.batch_size, len(data.train), run.seed)]
                if not (drawn := rated(rows)):
                    break
                answers, scores, rating_curves = drawn
                value_model.eval()
                with torch.no_grad(), autocast():
                    logs = rollouts.log_probabilities(policy, answers, self.temperature, at_once=at_once)
                    values = torch.cat([rollouts.values(value_model, part) for part in answers.parts(at_once)])
                    kl = torch.zeros_like(logs)
                    if self.kl_coef:
                        with policy.disable_adapter() if self.use_lora else nullcontext():
                            held_to = rollouts.log_probabilities(reference, answers, self.temperature, at_once=at_once)
                        kl = ppo_math.kl_divergence(logs, held_to, self.kl_estimator)
                earned = ppo_math.token_rewards(scores.to(device), self.kl_coef * kl, answers.mask)
                advantages, returns = ppo_math.generalized_advantages(
                    earned, values, gamma=self.gamma, lam=self.gae_lambda
                )
                orders = [torch.randperm(self.batch_size) for _ in range(self.ppo_epochs)]
                rollout = rollouts.Rollout(
                    answers=answers,
                    logs=logs,
                    values=values,
                    advantages=ppo_math.whiten(advantages, answers.mask),
                    returns=returns,
                    plan=torch.cat(orders).view(-1, self.gradient_accumulation_steps, self.mini_batch_size),
                    curves={name: rated_so.mean().item() for name, rated_so in rating_curves.items()}
                    | {"kl": ppo_math.masked_mean(kl, answers.mask).item()},
                    done=[],
                )
                tokens += int(answers.attention.sum())

            # Learning from them, several times over. The optimizer takes a step for each row of the plan.
            policy.train(self.gradient_checkpointing)
            value_model.train(self.gradient_checkpointing)
            for minibatches in rollout.plan[len(rollout.done) :]:
                if run.stop_requested:
                    break
                seen = []
                for rows in minibatches:
                    part = rollout.answers.part(rows)
                    with autocast():
                        logits = rollouts.logits(policy, part, self.temperature)
                        foreseen = rollouts.values(value_model, part)
                    policy_loss, clipped = ppo_math.policy_loss(
                        ppo_math.log_probabilities(logits, part.drawn),
                        rollout.logs[rows],
                        rollout.advantages[rows],
                        part.mask,
                        self.clip_range,
                    )
                    value_loss = ppo_math.value_loss(
                        foreseen, rollout.values[rows], rollout.returns[rows], part.mask, self.value_clip_range
                    )
                    loss = policy_loss + self.value_coef * value_loss
                    (loss / len(minibatches)).backward()
                    entropy = ppo_math.masked_mean(ppo_math.entropy(logits.detach()), part.mask)
                    numbers = torch.stack([loss, policy_loss, value_loss, clipped, entropy]).tolist()
                    seen.append(dict(zip(LEARNING, numbers, strict=True)))
                grad_norm = torch.nn.utils.clip_grad_norm_(learnt, self.max_grad_norm).item()
                rate = schedule.get_last_lr()[0]
                rollout.done.append(loops.means(seen) | {"grad_norm": grad_norm, "learning_rate": rate})
                reporting.check_loss({"loss": rollout.done[-1]["loss"] + 0 * grad_norm}, rate, step + 1)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            if len(rollout.done) < len(rollout.plan):
                break

            # What the step came to.
            step += 1
            report.of(step, tokens=tokens, **rollout.curves, **loops.means(rollout.done))
            rollout = None
            ends = step == total or run.finish_requested
            if self.sample_steps and (step % self.sample_steps == 0 or ends):
                samples.keep(policy, step)
            if self.save_steps and (step % self.save_steps == 0 or ends):
                save_checkpoint()
        if run.stop_requested or run.ends_early:
            save_checkpoint()
        if run.stop_requested:
            return

        held_out.take_best()
        tuned = policy if self.use_lora else policy.to(hugging_face.own_dtype(run.base_model))
        tuned.save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=step, epochs=step * self.batch_size / len(data.train))


LEARNING = ("loss", "policy_loss", "value_loss", "clip_fraction", "entropy")


def add_adapter(model: Any, settings: Ppo, **task: Any) -> Any:
    """The model with a LoRA adapter, which is put into its layers in place."""
    from peft import LoraConfig, get_peft_model

    from training_methods.trainers import hugging_face

    layers = hugging_face.adapted_layers(model, settings.target_modules)
    return get_peft_model(model, LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=layers, **task))
