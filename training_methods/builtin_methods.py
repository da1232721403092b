"""The methods that every installation begins with. `seed_methods` brings in those that are missing."""

from typing import Any

from training_methods.trainers import MethodType

BUILTIN_METHODS: dict[str, dict[str, Any]] = {
    "sft": {
        "display_name": "Supervised fine-tuning",
        "method_type": MethodType.SFT,
        "description": "Trains every weight of the base model on examples of the answers you want. Learns the most, "
        "and takes the most memory: the result is a complete model.",
    },
    "lora": {
        "display_name": "LoRA fine-tuning",
        "method_type": MethodType.PEFT,
        "description": "Trains a small adapter beside the frozen base model on examples of the answers you want. "
        "The first thing to try: fast, light, and the base model stays as it is.",
    },
    "grpo": {
        "display_name": "GRPO",
        "method_type": MethodType.GRPO,
        "description": "Lets the model answer each prompt several times and makes the answers likelier that your "
        "rewards rate higher: the right number, a pattern, JSON, a length, a language, or a function of your own.",
    },
    "rloo": {
        "display_name": "RLOO",
        "method_type": MethodType.RLOO,
        "description": "Lets the model answer each prompt several times and holds each answer against the average of "
        "the others, as your rewards rate them. Simpler than GRPO, and held to the base model.",
    },
    "custom01": {
        "display_name": "Custom 01",
        "method_type": MethodType.CUSTOM,
        "description": "Your own training. Edit its code in the trainers folder and its name, description and "
        "configuration here; no license is needed.",
    },
    "custom02": {
        "display_name": "Custom 02",
        "method_type": MethodType.CUSTOM,
        "description": "A second training of your own. Edit its code in the trainers folder and its name, "
        "description and configuration here; no license is needed.",
    },
}
