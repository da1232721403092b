"""What is done between epochs: answers to fixed prompts, early stopping, and the best weights in place of the last.

Imports the training stack, so it is imported inside `train` alone.
"""

from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback

from training_methods.trainers import answers
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.examples import Examples

MAX_TOKENS = 64  # of a sample answer


class Sampler(TrainerCallback):
    """Asks the model the same prompts after each epoch."""

    def __init__(self, run: Run, tokenizer: Any, prompts: list[str]) -> None:
        self.run, self.tokenizer, self.prompts = run, tokenizer, prompts

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any, **kwargs: Any) -> None:
        if self.run.stop_requested:
            return
        side = self.tokenizer.padding_side
        model.eval()
        for one in answers.answered(self.prompts, model, self.tokenizer, which="tuned", max_tokens=MAX_TOKENS):
            self.run.sample(state.global_step, one.prompt, one.answer)
        model.train()
        self.tokenizer.padding_side = side  # it is saved with the result


def callbacks(run: Run, tokenizer: Any, *, prompts: str, patience: int | None) -> list[TrainerCallback]:
    asked = [prompt.strip() for prompt in prompts.split("|") if prompt.strip()]
    samplers = [Sampler(run, tokenizer, asked)] if asked else []
    return [*samplers, *([EarlyStoppingCallback(patience)] if patience else [])]


def check(data: Examples, *, keeps_best: bool) -> None:
    if keeps_best and not data.evaluation:
        raise TrainingError(
            "The best weights are told by the evaluation loss, and no rows are held out to evaluate.",
            "Choose a “Share held out” that leaves at least one row, or leave “Keep the best” and “Patience” off.",
        )


def note_best(run: Run, state: Any) -> None:
    step = state.best_model_checkpoint.rpartition("-")[2]
    run.note(f"Kept the weights of step {step}, whose evaluation loss was the lowest: {state.best_metric:.4f}.")
