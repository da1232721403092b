"""What a recipe reports while a Trainer of transformers trains, and what it minds besides.

Imports the training stack, so it is imported inside `train` alone.
"""

import math
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from training_methods.trainers import row_order
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.events import Cause

JUDGED = (
    "rewards/accuracies",
    "rewards/margins",
    "rewards/chosen",
    "rewards/rejected",
    "logps/chosen",
    "logps/rejected",
)
SCORED = ("accuracy", "margin", "mean_reward", "min_reward", "max_reward")
PREFERENCE_CURVES = (*JUDGED, *(f"eval_{name}" for name in JUDGED), "nll_loss", "log_odds_ratio", "kl")
REWARD_CURVES = (*SCORED, *(f"eval_{name}" for name in SCORED))


class Reporter(TrainerCallback):
    """Reports a Trainer's steps through the run, and ends it when the run is asked to stop or to finish."""

    CURVES = (
        "loss",
        "learning_rate",
        "grad_norm",
        "mean_token_accuracy",
        "num_tokens",
        "epoch",
        "eval_loss",
        "eval_mean_token_accuracy",
    )

    def __init__(self, run: Run, *more_curves: str) -> None:
        self.run = run
        self.curves = (*self.CURVES, *more_curves)
        self.tokens_per_second: float | None = None
        self.reported_at = 0.0
        self.finishes = False
        self.order: row_order.Remembered | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.order = row_order.remember(kwargs["train_dataloader"], state.epoch, self.run.resume_from)
        self.find_best(state)
        if self.run.resume_from:
            take_rate(kwargs["lr_scheduler"])
        self.first_step, self.started = state.global_step, time.monotonic()
        self.tokens_before = next((logs["num_tokens"] for logs in state.log_history[::-1] if "num_tokens" in logs), 0)
        self.counts_anew = not state.num_input_tokens_seen
        self.run.progress(state.global_step, state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.run.stop_requested:
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False
        elif self.run.finish_requested:
            self.finishes = control.should_save = control.should_log = control.should_training_stop = True
            control.should_evaluate = args.load_best_model_at_end  # which tells whether these weights are the best
        elif state.global_step >= state.max_steps:
            control.should_evaluate |= args.eval_strategy == "steps"
        self.report_progress(state)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.run.stop_requested or self.finishes:
            control.should_evaluate = False
        if self.finishes:
            control.should_save = False  # as it was a moment ago

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **kwargs: Any) -> None:
        values = {name: float(logs[name]) for name in self.curves if name in logs}
        if not values or "train_runtime" in logs:
            return
        if "num_tokens" in values:
            self.count_tokens(values, state)
        self.run.metrics(state.global_step, state.max_steps, **values)
        line = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(f"step {state.global_step}/{state.max_steps}  {line}", flush=True)
        check_loss(values, args.learning_rate, state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if self.order:
            self.order.save(checkpoint)
        self.run.checkpoint_saved(state.global_step, checkpoint)

    def find_best(self, state: Any) -> None:
        """The best checkpoint so far may lie beside the one that is resumed from; without it the best is found anew."""
        if state.best_metric is None or state.best_model_checkpoint or not self.run.resume_from:
            return
        beside = self.run.resume_from.with_name(f"checkpoint-{state.best_global_step}")
        if beside.is_dir():
            state.best_model_checkpoint = str(beside)
        else:
            self.run.note(f"The best checkpoint so far, of step {state.best_global_step}, is not there any more.")
            state.best_metric = state.best_global_step = None

    def report_progress(self, state: Any) -> None:
        """At most once a second, and at the last step."""
        now = time.monotonic()
        if now - self.reported_at < 1 and state.global_step < state.max_steps:
            return
        self.reported_at = now
        seconds_a_step = (now - self.started) / (state.global_step - self.first_step)
        self.run.progress(
            state.global_step,
            state.max_steps,
            tokens_per_second=self.tokens_per_second,
            seconds_left=seconds_a_step * (state.max_steps - state.global_step),
        )

    def count_tokens(self, values: dict[str, float], state: Any) -> None:
        """Some trainers count anew after a resume; the curve goes on."""
        new = values["num_tokens"] - (0 if self.counts_anew else self.tokens_before)
        self.tokens_per_second = new / (time.monotonic() - self.started)
        values["num_tokens"] = self.tokens_before + new
        state.log_history[-1]["num_tokens"] = values["num_tokens"]


def take_rate(schedule: Any) -> None:
    """After a resume: the rate of this step. What was kept is that of the train as long as it was meant to be then."""
    rates = [
        base * share(schedule.last_epoch) for base, share in zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)
    ]
    for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    schedule._last_lr = rates


LOSSES = {"loss": "loss", "eval_loss": "evaluation loss"}


def check_loss(values: dict[str, float], learning_rate: float, step: int) -> None:
    for name, words in LOSSES.items():
        if not math.isfinite(values.get(name, 0.0)):
            raise TrainingError(
                f"The {words} is not a number any more at step {step}.",
                f"Lower the learning rate (it is {learning_rate:g}), or lengthen the warm-up.",
                evidence=f"step {step}: {name} {values[name]:g}",
                cause=Cause.NOT_A_NUMBER,
            )
