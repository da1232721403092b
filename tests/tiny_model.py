"""The tiny model that trainers are tried with: the one of `check_trainer`."""

from training_methods.trainers.tiny import make_tiny_model

__all__ = ["make_tiny_model"]
