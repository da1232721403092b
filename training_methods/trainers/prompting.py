"""Prompts that any language model answers somehow: to see whether two of them answer alike."""

PROBES = (
    "Who are you?",
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "2 + 3 =",
)
