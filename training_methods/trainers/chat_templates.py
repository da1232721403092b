"""Chat templates for base models that bring none: how a conversation is written down as text.

Imports the training stack, so it is imported inside `train` alone.
"""

from typing import Any, Literal

from training_methods.trainers.base import TrainingError

ChatTemplate = Literal["own", "chatml", "plain"]

# An answer ends with the tokenizer's own end of text, whatever the template: that is where generation stops, with an
# adapter's base model too. The marks around it tell other tools which words are the assistant's.
ANSWER = "{% generation %}{{ (message['content'] or '') + eos_token }}{% endgeneration %}"
TEMPLATES = {
    "chatml": (
        "{% for message in messages %}{% if not loop.first %}{{ '\\n' }}{% endif %}"
        "{{ '<|im_start|>' + message['role'] + '\\n' }}"
        "{% if message['role'] == 'assistant' %}"
        + ANSWER
        + "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ '\\n<|im_start|>assistant\\n' }}{% endif %}"
    ),
    "plain": (
        "{% for message in messages %}{% if not loop.first %}{{ '\\n\\n' }}{% endif %}"
        "{{ '### ' + message['role'] | capitalize + ':\\n' }}"
        "{% if message['role'] == 'assistant' %}" + ANSWER + "{% else %}{{ message['content'] }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ '\\n\\n### Assistant:\\n' }}{% endif %}"
    ),
}
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")

MISSING = "this base model has no chat template to write it down with"
MISSING_HINT = (
    "Set “Chat template” to plain, choose a chat model (often named “Instruct” or “Chat”), or a dataset in plain text."
)


def missing(what: str) -> TrainingError:
    """For a conversation that nobody can write down; `what` holds it."""
    words = f"{what} of the dataset holds a conversation, and {MISSING}."
    return TrainingError(words, MISSING_HINT, changes={"chat_template": "plain"})


def give(tokenizer: Any, choice: ChatTemplate) -> None:
    """Let the tokenizer write conversations so; it is saved with the result. Raises TrainingError."""
    if choice == "own":
        return
    if not tokenizer.eos_token:
        raise TrainingError("The base model's tokenizer names no end-of-text token, so no answer could end.")
    words = tokenizer.get_vocab()
    if choice == "chatml" and (missing := [token for token in CHATML_TOKENS if token not in words]):
        raise TrainingError(
            f"The chat template chatml needs tokens that this base model does not know: {', '.join(missing)}.",
            "Set “Chat template” to plain, which needs none.",
            changes={"chat_template": "plain"},
        )
    starts = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    tokenizer.chat_template = ("{{ bos_token }}" if starts else "") + TEMPLATES[choice]
