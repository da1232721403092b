"""Which of bf16, 4 bit, flash attention and fused kernels a run uses, and what its log says of them."""

from importlib.util import find_spec

import pytest

from training_methods.trainers.events import Note


@pytest.fixture
def acceleration():
    from training_methods.trainers import acceleration

    return acceleration


@pytest.fixture
def chosen(acceleration):
    """What is chosen on a machine that has everything, for a LoRA of a Llama; either may lack or wish something."""

    def choose(machine=None, **wish):
        has = {
            "cuda": True,
            "bf16": True,
            "bitsandbytes": True,
            "flash_attention": True,
            "fusible": frozenset({"llama"}),
        }
        wants = {"precision": "auto", "model_type": "llama", "fuses": True}
        return acceleration.chosen(
            acceleration.Machine(**{**has, **(machine or {})}), acceleration.Wish(**{**wants, **wish})
        )

    return choose


def test_it_uses_all_that_the_machine_has(chosen):
    choice = chosen(in_4bit=True)

    assert (choice.bf16, choice.in_4bit, choice.attention, choice.fused) == (True, True, "flash_attention_2", True)
    assert choice.words == (
        "On this machine: “bf16” is used; “4-bit base model” is used; “flash attention” is used; "
        "“fused kernels” is used; “fused optimizer” is used."
    )


@pytest.mark.parametrize(
    ("machine", "wish", "words"),
    [
        ({"cuda": False, "fusible": None}, {}, "“flash attention” is not used: there is no CUDA device"),
        ({"cuda": False, "fusible": None}, {}, "“fused kernels” is not used: there is no CUDA device"),
        ({"bf16": False}, {}, "“bf16” is not used: the hardware is not made for it"),
        ({"bf16": False}, {}, "“flash attention” is not used: it needs bf16"),
        ({}, {"precision": "fp32"}, "“bf16” is not used: the precision chosen is fp32"),
        ({}, {}, "“4-bit base model” is not used: it is not asked for"),
        (
            {"bitsandbytes": False},
            {"in_4bit": True},
            "“4-bit base model” is not used: the Python package bitsandbytes is not installed",
        ),
        (
            {"flash_attention": False},
            {},
            "“flash attention” is not used: the Python package flash_attn is not installed",
        ),
        (
            {},
            {"whole": True},
            "“flash attention” is not used: it needs weights in bf16, and every weight learns in fp32",
        ),
        ({"fusible": None}, {}, "“fused kernels” is not used: the Python package liger-kernel is not there"),
        ({}, {"fuses": False}, "“fused kernels” is not used: this method computes more than they do"),
        ({}, {"model_type": "gpt2"}, "“fused kernels” is not used: there are none for models of the type gpt2"),
    ],
)
def test_it_says_what_is_not_used_and_why(chosen, machine, wish, words):
    choice = chosen(machine, **wish)

    assert words in choice.words
    assert choice.in_4bit == ("“4-bit base model” is used" in choice.words)
    assert choice.fused == ("“fused kernels” is used" in choice.words)
    assert (choice.attention is not None) == ("“flash attention” is used" in choice.words)


def test_it_takes_bf16_where_that_is_chosen_and_keeps_whole_weights_in_fp32(chosen):
    beside, whole = chosen({"bf16": False}, precision="bf16"), chosen(precision="bf16", whole=True)

    assert beside.bf16
    assert whole.bf16
    assert (str(beside.dtype), str(whole.dtype)) == ("torch.bfloat16", "torch.float32")


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_a_run_that_asks_for_4_bit_goes_without_where_it_cannot_be_had(run_folder):
    run = run_folder("lora", {"max_steps": 1, "load_in_4bit": True})

    assert run.perform() == 0, run.log

    said = "“4-bit base model” is not used: the Python package bitsandbytes is not installed"
    assert said in run.events(Note)[0].text


def test_a_run_begins_with_what_it_uses(run_folder):
    run = run_folder("lora", {"max_steps": 1, "precision": "fp32"})

    assert run.perform() == 0, run.log

    said = run.events(Note)[0].text
    assert said.startswith("On this machine: “bf16” is not used: the precision chosen is fp32; ")
    assert said in run.log
