"""custom01: a training of your own, to start from. It works as it is: LoRA in plain PyTorch, every step in sight.

Change it in the trainers folder, where `python manage.py new_trainer custom01` puts it: that one is run, and an upgrade
leaves it alone. `python manage.py check_trainer custom01` tells whether it does all that a job needs.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import Any, ClassVar

from pydantic import Field

from training_methods.trainers import BASICS, SUPERVISED, MethodType, Run, Trainer, register


@register
class Custom01(Trainer):
    """Your own training: a small adapter, trained with a loop in plain PyTorch."""

    slug: ClassVar = "custom01"
    label: ClassVar = "Custom 01"
    method_type: ClassVar = MethodType.CUSTOM
    data_formats: ClassVar = SUPERVISED  # name the formats that your training can read
    # version: ClassVar = "1.0"  # if you keep count: it stands in the catalog

    # Every field is a setting: in the form, in `--set name=value`, and checked before the training starts.
    # BASICS are shown at once, the others under “All settings”.
    epochs: int = Field(
        3, gt=0, title="Epochs", description="How often to go through the whole dataset.", json_schema_extra=BASICS
    )
    learning_rate: float = Field(
        5e-4,
        gt=0,
        lt=1,
        title="Learning rate",
        description="Size of a learning step (LEARNING_RATE).",
        json_schema_extra=BASICS,
    )
    batch_size: int = Field(
        4, gt=0, title="Batch size", description="Rows learnt from at once (BATCH_SIZE).", json_schema_extra=BASICS
    )
    max_length: int = Field(512, gt=1, title="Maximum length", description="Longest row in tokens (MAX_SEQ_LENGTH).")
    rank: int = Field(16, gt=0, title="Rank", description="Room for what is learnt (LORA_RANK).")
    max_steps: int | None = Field(
        None, gt=0, title="Maximum steps", description="Stop after so many steps; empty: the epochs decide (MAX_STEPS)."
    )
    save_steps: int = Field(
        100, gt=0, title="Steps between checkpoints", description="An interrupted run goes on from its last one."
    )

    def train(self, run: Run) -> None:
        # Heavy imports stand in here: the console reads the fields above without loading PyTorch.
        import torch
        from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

        from training_methods.trainers import examples, hugging_face, model_card, reporting

        # The model, with an adapter whose weights are the only ones that learn.
        torch.manual_seed(run.seed)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        tokenizer = hugging_face.load_tokenizer(run.base_model)
        base_model = hugging_face.load_model(run.base_model, dtype=torch.float32)
        adapter = LoraConfig(task_type="CAUSAL_LM", r=self.rank, lora_alpha=2 * self.rank, target_modules="all-linear")
        model = get_peft_model(base_model, adapter).to(device).train()

        # The rows as tokens. `run.rows()` gives the rows themselves, if you want to turn them into tokens your own way.
        data = examples.load(run, tokenizer, max_length=self.max_length, max_samples=None, evaluation_fraction=0.0)
        steps_an_epoch = -(-len(data.train) // self.batch_size)
        total = self.max_steps or self.epochs * steps_an_epoch

        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=self.learning_rate, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / total)

        # Where an earlier attempt left off.
        done = 0
        if run.resume_from:
            state = torch.load(run.resume_from / "state.pt", weights_only=True)
            set_peft_model_state_dict(model, state["adapter"])
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])
            reporting.take_rate(schedule)  # another than the one kept, if the train is made longer
            done = state["step"]

        step = done
        for step, rows in enumerate(islice(batches(data.train, self.batch_size, run.seed), done, total), done + 1):
            batch = {name: tensor.to(device) for name, tensor in padded(rows, tokenizer.pad_token_id).items()}
            with torch.autocast(device, dtype=torch.bfloat16, enabled=hugging_face.uses_bf16("auto")):
                loss = model(**batch).loss
            loss.backward()
            gradient = torch.nn.utils.clip_grad_norm_(weights, 1.0)
            rate = schedule.get_last_lr()[0]
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()

            # Whatever number is reported here becomes a curve on the job's page.
            run.metrics(step, total, loss=loss.item(), grad_norm=gradient.item(), learning_rate=rate)
            run.progress(step, total)
            print(f"step {step}/{total}  loss {loss.item():.4f}", flush=True)
            reporting.check_loss({"loss": loss.item()}, rate, step)

            # A checkpoint now and then, at the end, and when somebody asks the run to stop, or to finish here.
            ends = step == total or run.finish_requested
            if ends or run.stop_requested or step % self.save_steps == 0:
                folder = run.checkpoints / f"checkpoint-{step}"
                folder.mkdir(exist_ok=True)
                state = {"step": step, "adapter": get_peft_model_state_dict(model)}
                state |= {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
                torch.save(state, folder / "state.pt")
                run.checkpoint_saved(step, folder)
            if run.stop_requested:
                return
            if ends:
                break

        # What lies in run.output becomes the customized model.
        model.save_pretrained(run.output)
        tokenizer.save_pretrained(run.output)
        model_card.write(run, self, data, steps=step, epochs=step / steps_an_epoch)


def batches(data: Any, size: int, seed: int) -> Iterator[list[dict[str, list[int]]]]:
    """The rows, epoch after epoch without an end, in an order that depends on the seed alone.

    So a resumed run sees the ones it has not seen.
    """
    import torch

    for epoch in count():
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed + epoch)).tolist()
        for start in range(0, len(order), size):
            yield [data[place] for place in order[start : start + size]]


def padded(rows: list[dict[str, list[int]]], padding: int) -> dict[str, Any]:
    """The rows as tensors of one length. Nothing is learnt from the padding: its labels are -100."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def tensor(name: str, filler: int) -> Any:
        return torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])

    mask = torch.tensor([[1] * len(row["labels"]) + [0] * (longest - len(row["labels"])) for row in rows])
    return {"input_ids": tensor("input_ids", padding), "labels": tensor("labels", -100), "attention_mask": mask}
