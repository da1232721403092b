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
    "ia3": {
        "display_name": "IA³ fine-tuning",
        "method_type": MethodType.PEFT,
        "description": "Trains a few factors on the frozen base model's keys, values and inner activations. The "
        "smallest adapter there is, for a change of tone or format; LoRA learns more.",
    },
    "prompt-tuning": {
        "display_name": "Prompt tuning",
        "method_type": MethodType.PEFT,
        "description": "Trains tokens that are put in front of every prompt, and nothing else: some kilobytes for one "
        "task. With prefix tuning and p-tuning as variants; works best on larger models.",
    },
    "dpo": {
        "display_name": "DPO",
        "method_type": MethodType.DPO,
        "description": "Learns from pairs of answers which one people chose, and moves no further from the base model "
        "than you allow. The usual step after supervised fine-tuning.",
    },
    "kto": {
        "display_name": "KTO",
        "method_type": MethodType.KTO,
        "description": "Learns from single answers that were marked good or bad, as thumbs up and down are. Needs no "
        "pairs.",
    },
    "orpo": {
        "display_name": "ORPO",
        "method_type": MethodType.ORPO,
        "description": "Learns the chosen answers and at the same time to avoid the rejected ones, in one go and "
        "without a second copy of the model.",
    },
    "cpo": {
        "display_name": "CPO and SimPO",
        "method_type": MethodType.CPO,
        "description": "Learns from pairs of answers without a second copy of the model: lighter than DPO. With the "
        "loss simpo it becomes SimPO.",
    },
    "reward": {
        "display_name": "Reward model",
        "method_type": MethodType.REWARD,
        "description": "Learns from pairs of answers to score any answer. The result is a model that other methods, as "
        "PPO, learn from.",
    },
    "distillation": {
        "display_name": "Distillation",
        "method_type": MethodType.DISTILLATION,
        "description": "Brings a small model closer to a larger one with the same vocabulary: the small one answers "
        "your prompts, the large one shows it better words.",
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
    "ppo": {
        "display_name": "PPO",
        "method_type": MethodType.PPO,
        "description": "Lets the model answer prompts and learns word by word from a reward model's rating, from "
        "rewards, or from both; a second model learns to foresee the rating. Needs the most memory of its kind.",
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
