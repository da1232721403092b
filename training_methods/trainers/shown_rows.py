"""Rows that show the answer to learn, as a whole: what goes with a question is brought to it."""

from training_methods.trainers.judged_rows import as_turns, led, said
from training_methods.trainers.row_files import Row


def lean(row: Row) -> Row:
    """Without the system's words and the history where there are none."""
    return {name: value for name, value in row.items() if value or name not in ("system", "history", "tools")}


def talk(row: Row) -> Row:
    """Messages that begin with the system's words, and the tools where there are any."""
    turns = led(row["system"], row["messages"]) if row["system"] else row["messages"]
    return {"messages": turns} | ({"tools": row["tools"]} if row["tools"] else {})


def answered(row: Row) -> Row:
    """Question and answer, the context behind the question."""
    question = f"{row['question']}\n\n{row['input']}" if row["input"] else row["question"]
    return lean({"question": question, "answer": row["answer"], "system": row["system"]})


def completed(row: Row) -> Row:
    """Prompt and completion, both text or both turns."""
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, str) and isinstance(completion, str):
        return lean(row)
    asked = led(row["system"], as_turns(prompt)) if row["system"] else as_turns(prompt)
    return {"prompt": asked, "completion": said(completion)}
