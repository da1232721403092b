"""Runs TRL 1.12.0's PPO, the last that TRL had, with the settings of a JSON file. A script of its own: that version
goes first on PYTHONPATH, and the project behind it.

Its prompts come in our recipe's order, its random numbers start with each step as ours do, and its rating is one of our
rewards; all else is TRL's. It prints a line of numbers for each step, and one with the tensors at its last loss.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, set_seed
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

from training_methods.trainers import hugging_face, loops, prompts
from training_methods.trainers.reward_mix import parse

TENSORS = (
    *("responses", "scores", "logprobs", "ref_logprobs", "kl", "rewards", "values", "returns", "advantages"),
    *("padding_mask", "padding_mask_p1", "micro_batch_inds", "new_logprobs", "vpred", "pg_loss", "vf_loss"),
)
CURVES = {
    "objective/scores": "reward",
    "loss/policy_avg": "policy_loss",
    "loss/value_avg": "value_loss",
    "policy/clipfrac_avg": "clip_fraction",
}
given = json.loads(Path(sys.argv[1]).read_text())
settings, model, seed = given["parameters"], given["model"], given["seed"]
batch_size, steps = settings["batch_size"], settings["max_steps"]
tokenizer = AutoTokenizer.from_pretrained(model)
asked = [prompts.token_ids([{"role": "user", "content": text}], tokenizer) for text in given["prompts"]]
(reward,) = parse(settings["rewards"])


class Step:
    number = 0


def padded(rows):
    longest = max(map(len, rows))
    return {"input_ids": torch.tensor([[tokenizer.pad_token_id] * (longest - len(row)) + row for row in rows])}


def generate_seeded(*arguments):
    set_seed((seed + 1_000_003 * Step.number) % 2**32)
    Step.number += 1
    return generate(*arguments)


def rate(model, tokens, padding, context_length):
    if model is not rater:
        return get_reward(model, tokens, padding, context_length)
    texts = [tokenizer.decode(row, skip_special_tokens=True) for row in tokens[:, context_length:]]
    return None, torch.tensor([reward.weight * reward.of(text, {}) for text in texts]), None


class Printer(TrainerCallback):
    def on_log(self, args, state, control, logs, **_):
        numbers = {ours: logs[theirs] for theirs, ours in CURVES.items()}
        print("STEP", json.dumps(numbers | {"kl": logs["objective/kl"] / settings["max_completion_length"]}))


def backward(loss):
    """TRL's own, which also notes what TRL computed the loss from."""
    here = sys._getframe(1).f_locals
    seen.clear()
    seen.update({name: here[name].tolist() for name in TENSORS})
    own_backward(loss)


generate, ppo_trainer.batch_generation = ppo_trainer.batch_generation, generate_seeded
get_reward, ppo_trainer.get_reward = ppo_trainer.get_reward, rate
np.random.permutation = lambda count: torch.randperm(count).numpy()
rater, seen = torch.nn.Module(), {}
trainer = PPOTrainer(
    args=PPOConfig(
        output_dir=given["output"],
        seed=seed,
        learning_rate=settings["learning_rate"],
        lr_scheduler_type="constant",
        optim="adamw_torch",
        per_device_train_batch_size=batch_size,
        num_mini_batches=batch_size // settings["mini_batch_size"],
        total_episodes=batch_size * steps,
        num_ppo_epochs=settings["ppo_epochs"],
        response_length=settings["max_completion_length"],
        stop_token_id=given["stop_token"],
        temperature=1.0,
        kl_coef=settings["kl_coef"],
        kl_estimator=settings["kl_estimator"],
        cliprange=settings["clip_range"],
        cliprange_value=settings["value_clip_range"],
        vf_coef=settings["value_coef"],
        gamma=settings["gamma"],
        lam=settings["gae_lambda"],
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        logging_steps=1,
        num_sample_generations=0,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    ),
    processing_class=tokenizer,
    model=AutoModelForCausalLM.from_pretrained(model, dtype="float32"),
    ref_model=None,
    reward_model=rater,
    value_model=hugging_face.load_scorer(Path(model), dtype=torch.float32, padding=tokenizer.pad_token_id, seed=seed),
    train_dataset=Dataset.from_dict({"input_ids": asked}),
    eval_dataset=Dataset.from_dict({"input_ids": asked}),
    callbacks=[Printer()],
)
places = [loops.places(step, batch_size, len(asked), seed) for step in range(steps)]
trainer.dataloader = [padded([asked[place] for place in step]) for step in places]
own_backward, trainer.accelerator.backward = trainer.accelerator.backward, backward
trainer.train()
print("LAST", json.dumps(seen))
