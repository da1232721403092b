"""What is done between steps: answers to fixed prompts, early stopping, and the best weights in place of the last.

Imports the training stack, so it is imported inside `train` alone.
"""

from typing import Any, Literal

from transformers import EarlyStoppingCallback, TrainerCallback

from training_methods.trainers import answers
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.examples import Examples

MAX_TOKENS = 64  # of a sample answer
Best = Literal["eval_loss", "eval_reward"]
WORDS = {"eval_loss": "evaluation loss was the lowest", "eval_reward": "reward in evaluation was the highest"}


class Sampler(TrainerCallback):
    """Asks the model the same prompts every so many steps and at the end, or after each epoch."""

    def __init__(self, run: Run, tokenizer: Any, prompts: list[str], every: int | None) -> None:
        self.run, self.tokenizer, self.prompts, self.every = run, tokenizer, prompts, every

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any, **kwargs: Any) -> None:
        ends = state.global_step >= state.max_steps or self.run.finish_requested
        if self.every and (state.global_step % self.every == 0 or ends):
            self.ask(model, state.global_step)

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any, **kwargs: Any) -> None:
        if not self.every:
            self.ask(model, state.global_step)

    def ask(self, model: Any, step: int) -> None:
        if self.run.stop_requested:
            return
        side = self.tokenizer.padding_side
        model.eval()
        for one in answers.answered(self.prompts, model, self.tokenizer, which="tuned", max_tokens=MAX_TOKENS):
            self.run.sample(step, one.prompt, one.answer)
        model.train()
        self.tokenizer.padding_side = side  # it is saved with the result


def callbacks(
    run: Run, tokenizer: Any, *, every: int | None, patience: int | None, prompts: str = ""
) -> list[TrainerCallback]:
    asked = [prompt.strip() for prompt in prompts.split("|") if prompt.strip()]
    samplers = [Sampler(run, tokenizer, asked, every)] if asked else []
    return [*samplers, *([EarlyStoppingCallback(patience)] if patience else [])]


def check(data: Examples, *, keeps_best: bool) -> None:
    if keeps_best and not data.evaluation:
        raise TrainingError(
            "The best weights are told by an evaluation, and no rows are held out to evaluate.",
            "Choose a “Share held out” that leaves at least one row, or leave “Keep the best” and “Patience” off.",
        )


def schedule(
    data: Examples, *, every: int | None, keeps_best: bool, save_steps: int, best: Best = "eval_loss"
) -> dict[str, Any]:
    """When to evaluate and when to save, in the Trainer's words. The best weights are saved where they are found."""
    paced = "steps" if every else "epoch"
    return {
        "eval_strategy": paced if data.evaluation else "no",
        "eval_steps": every,
        "save_strategy": paced if keeps_best else "steps" if save_steps else "no",
        "save_steps": (every if keeps_best else save_steps) or 1,
        "save_total_limit": 2,
        "load_best_model_at_end": keeps_best,
        "metric_for_best_model": best if keeps_best else None,
        "greater_is_better": best == "eval_reward",
        "restore_callback_states_from_checkpoint": keeps_best,
    }


def note_best(run: Run, state: Any, best: Best = "eval_loss") -> None:
    step = state.best_model_checkpoint.rpartition("-")[2]
    run.note(f"Kept the weights of step {step}, whose {WORDS[best]}: {state.best_metric:.4f}.")
