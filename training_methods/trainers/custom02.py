"""A plain training script of your own: it knows nothing of the console but its arguments and one kind of line.

The console starts it with every setting as an argument, reads the lines `[log_data]: {…}` that `train_callback`
prints, and takes what lies in --output_dir at the end. Change it in the trainers folder, where
`python manage.py new_trainer custom02 --script` puts it; `python manage.py check_trainer custom02` tests it.
"""

import argparse
import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from train_callback import LevelEnum, LogEnum, TrainCallback, write_log
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments

parser = argparse.ArgumentParser()
parser.add_argument("--model_path", required=True)
parser.add_argument("--dataset_path", required=True, help="JSON lines")
parser.add_argument("--output_dir", required=True)
parser.add_argument("--input_train_name", required=True, help="the column that holds the question")
parser.add_argument("--output_train_name", required=True, help="the column that holds the answer")
parser.add_argument("--max_seq_length", type=int, required=True)
parser.add_argument("--lora_rank", type=int, required=True)
parser.add_argument("--max_samples", type=int, required=True, help="0: all")
parser.add_argument("--max_steps", type=int, required=True)
parser.add_argument("--num_train_epoch", type=float, help="instead of the steps, if the method offers it")
parser.add_argument("--batch_size", type=int, required=True)
parser.add_argument("--grad_accum_steps", type=int, required=True)
parser.add_argument("--learning_rate", type=float, required=True)
parser.add_argument("--warmup_steps", type=int, required=True)
parser.add_argument("--max_grad_norm", type=float, required=True)
parser.add_argument("--train_id", required=True)
parser.add_argument("--seq", type=int, required=True)
args, unknown = parser.parse_known_args()  # there are more than this script makes use of


def say(what: LogEnum, details: str | None = None) -> None:
    write_log(LevelEnum.INFO, what, details, args.train_id, args.seq, None)


def read_dataset() -> list[dict]:
    text = Path(args.dataset_path).read_text(encoding="utf-8")
    rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines() if line]
    return rows[: args.max_samples or None]


def as_tokens(row: dict, tokenizer) -> dict:
    """The question and the answer as tokens; only the answer is learnt."""
    question, answer = row[args.input_train_name], row[args.output_train_name]
    if not (isinstance(question, str) and isinstance(answer, str)):
        raise SystemExit(f"This script reads questions and answers; “{args.input_train_name}” is no text.")
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": question}]
        question = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    asked = tokenizer(question, add_special_tokens=not tokenizer.chat_template)["input_ids"]
    answered = tokenizer(answer, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    tokens, labels = asked + answered, [-100] * len(asked) + answered
    return {"input_ids": tokens[: args.max_seq_length], "labels": labels[: args.max_seq_length]}


def training() -> None:
    say(LogEnum.InitializingModel, args.model_path)
    tokenizer = AutoTokenizer.from_pretrained(args.model_path)
    model = AutoModelForCausalLM.from_pretrained(args.model_path, dtype=torch.float32)
    adapter = LoraConfig(task_type="CAUSAL_LM", r=args.lora_rank, lora_alpha=2 * args.lora_rank)
    adapter.target_modules = "all-linear"
    model = get_peft_model(model, adapter)

    say(LogEnum.HandleWithDataset, args.dataset_path)
    rows = [as_tokens(row, tokenizer) for row in read_dataset()]

    say(LogEnum.ConfigTrainingParams)
    trainer = Trainer(
        model=model,
        train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer, pad_to_multiple_of=8),
        callbacks=[TrainCallback(1, args.train_id, args.seq)],
        args=TrainingArguments(
            output_dir="checkpoints",
            max_steps=-1 if args.num_train_epoch else args.max_steps,
            num_train_epochs=args.num_train_epoch or 1,
            per_device_train_batch_size=args.batch_size,
            gradient_accumulation_steps=args.grad_accum_steps,
            learning_rate=args.learning_rate,
            warmup_steps=args.warmup_steps,
            max_grad_norm=args.max_grad_norm,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
    )
    say(LogEnum.StartTraining)
    trainer.train()

    say(LogEnum.SaveTrainedModel)
    model.save_pretrained(args.output_dir)
    tokenizer.save_pretrained(args.output_dir)
    say(LogEnum.SaveTrainedModelSuccess, args.output_dir)


if __name__ == "__main__":
    training()
