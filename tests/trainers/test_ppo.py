"""PPO on a tiny model: it learns what is rated, resumes exactly, and reads a reward model that a real run made."""

import json
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

from tests.trainers.child import RunFolder, wait_for
from tests.trainers.test_preferences import PAIRS
from tests.trainers.test_sampling import LOAD, MAKE_OUTSPOKEN
from training_methods.trainers.events import CheckpointSaved, Metrics, Note

PROMPTS = [{"prompt": f"Say {letter}"} for letter in "abcdefgh"]
SETTINGS = {
    "rewards": "length(30, 99): 2",
    "learning_rate": 0.003,
    "max_steps": 20,
    "batch_size": 8,
    "mini_batch_size": 4,
    "max_completion_length": 8,
    "save_steps": 5,
    "sample_steps": 10,
    "precision": "fp32",
}
SHORT = {"max_steps": 6, "save_steps": 3, "sample_steps": 0}


@pytest.fixture(scope="module")
def outspoken_model(tmp_path_factory, tiny_model):
    folder = tmp_path_factory.mktemp("models") / "outspoken"
    shutil.copytree(tiny_model, folder)
    subprocess.run([sys.executable, "-c", MAKE_OUTSPOKEN, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def run_of(tmp_path_factory, outspoken_model):
    def make(parameters=None, *, trainer="ppo", rows=PROMPTS, data_format="prompt", settings=SETTINGS, **spec):
        folder = tmp_path_factory.mktemp("run")
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return RunFolder(
            folder / "attempt-1",
            trainer=trainer,
            base_model=outspoken_model,
            dataset={"path": folder / "rows.jsonl", "data_format": data_format},
            parameters=settings | (parameters or {}),
            **spec,
        )

    return make


@pytest.fixture(scope="module")
def reward_model(run_of):
    run = run_of(
        {"epochs": 4, "learning_rate": 0.005}, trainer="reward", rows=PAIRS, data_format="preference", settings={}
    )
    assert run.perform() == 0, run.log
    return run.output


@pytest.fixture(scope="module")
def undisturbed(run_of):
    run = run_of(SHORT)
    assert run.perform() == 0, run.log
    return run


def curve(run, name):
    return [event.values[name] for event in run.events(Metrics)]


def rise(run, name="rewards/length(30, 99)/mean"):
    values = curve(run, name)
    return sum(values[-4:]) / 4 - sum(values[:4]) / 4


def weights(run):
    (file,) = run.output.glob("*.safetensors")
    return file.read_bytes()


@pytest.mark.parametrize("lora", [True, False])
def test_what_is_rated_higher_becomes_likelier_and_its_result_loads(run_of, outspoken_model, lora):
    run = run_of({"use_lora": lora, "learning_rate": 0.003 if lora else 0.0005})

    assert run.perform() == 0, run.log

    assert rise(run) > 0.15
    command = [sys.executable, "-c", LOAD, outspoken_model if lora else "none", run.output]
    loaded = subprocess.run(command, capture_output=True, text=True)
    assert loaded.stdout.strip() == ("PeftModelForCausalLM" if lora else "LlamaForCausalLM"), loaded.stderr
    assert {"policy_loss", "value_loss", "clip_fraction", "entropy", "completions/ended"} <= run.events(Metrics)[
        0
    ].values.keys()
    assert curve(run, "kl")[0] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("broken", [{"rewards": "length(30, 99): -2"}, {"learning_rate": 1e-12}])
def test_it_learns_nothing_of_it_where_the_reward_is_inverted_or_the_adapter_frozen(run_of, broken):
    run = run_of(broken)

    assert run.perform() == 0, run.log

    assert rise(run) < 0.1


def test_it_goes_on_after_a_kill_as_if_nothing_had_happened(run_of, undisturbed):
    run = run_of(SHORT)
    with run.forked() as child:
        wait_for(lambda: run.events(CheckpointSaved))
        child.send_signal(signal.SIGKILL)
        child.wait(60)

    resumed = run_of(SHORT, resume_from=run.events(CheckpointSaved)[0].path)
    assert resumed.perform() == 0, resumed.log

    assert weights(resumed) == weights(undisturbed)


def test_it_goes_on_after_a_stop_as_if_nothing_had_happened(run_of, undisturbed):
    run = run_of(SHORT)
    assert run.perform_and_stop() == 0, run.log
    assert run.ending().outcome == "stopped"

    resumed = run_of(SHORT, resume_from=run.events(CheckpointSaved)[-1].path)
    assert resumed.perform() == 0, resumed.log

    assert weights(resumed) == weights(undisturbed)


HELD_OUT = SHORT | {
    "evaluation_fraction": 0.25, "evaluation_steps": 2, "keep_best": True, "max_steps": 5, "batch_size": 4,
    "warmup_ratio": 0.0,
}  # fmt: skip


def evaluations(run):
    return {event.step: event.values for event in run.events(Metrics) if "eval_reward" in event.values}


def test_it_rates_answers_to_prompts_held_out_and_keeps_the_best_weights(run_of):
    run = run_of(HELD_OUT)
    assert run.perform() == 0, run.log

    assert list(evaluations(run)) == [2, 4, 5]
    assert "eval_rewards/length(30, 99)/mean" in evaluations(run)[5]
    best = max(evaluations(run), key=lambda step: evaluations(run)[step]["eval_reward"])
    assert f"Kept the weights of step {best}, whose reward in evaluation was the highest" in run.events(Note)[-1].text
    until_then = run_of(HELD_OUT | {"max_steps": best, "keep_best": False, "evaluation_steps": 100})
    assert until_then.perform() == 0, until_then.log
    assert weights(run) == weights(until_then)
    resumed = run_of(HELD_OUT, resume_from=run.events(CheckpointSaved)[0].path)
    assert resumed.perform() == 0, resumed.log
    assert weights(resumed) == weights(run)
    assert evaluations(resumed) == {step: evaluations(run)[step] for step in (4, 5)}


def test_it_stops_early_when_evaluations_are_no_better(run_of):
    run = run_of(HELD_OUT | {"rewards": "length(1, 9999)", "patience": 1, "max_steps": 20})
    assert run.perform() == 0, run.log

    assert list(evaluations(run)) == [2, 4]
    assert run.events(Metrics)[-1].step == 4


@pytest.mark.parametrize("trainer", ["ppo", "grpo", "rloo"])
def test_it_learns_from_a_reward_model(run_of, reward_model, trainer):
    quick = {"max_steps": 2, "sample_steps": 0, "batch_size": 8, "max_completion_length": 8, "precision": "fp32"}
    quick |= {"rewards": None, "reward_model": str(reward_model), "reward_model_weight": 2.0}
    run = run_of(quick, trainer=trainer, settings={} if trainer == "ppo" else {"num_generations": 4})

    assert run.perform() == 0, run.log

    rated, reward = curve(run, "rewards/reward_model/mean"), curve(run, "reward")
    assert any(rated)
    assert reward == pytest.approx([2 * one for one in rated], abs=1e-4)


def test_it_refuses_a_reward_model_of_another_vocabulary(run_of, reward_model, tmp_path):
    shutil.copytree(reward_model, tmp_path / "other")
    file = tmp_path / "other" / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    words = tokenizer["model"]["vocab"]
    words["a"], words["b"] = words["b"], words["a"]
    file.write_text(json.dumps(tokenizer))
    run = run_of({"reward_model": str(tmp_path / "other")})

    assert run.perform() == 1

    assert "has another vocabulary than the base model: 357 of 359 tokens" in run.ending().message


def test_it_refuses_a_language_model_as_reward_model(run_of, tiny_model):
    run = run_of({"reward_model": str(tiny_model)})

    assert run.perform() == 1

    assert "is no reward model" in run.ending().message


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rewards": None}, "Nothing rates the answers"),
        ({"mini_batch_size": 3}, "8 answers cannot be divided into updates of 3"),
    ],
)
def test_it_refuses_what_cannot_be_learnt_from(run_of, wrong, sentence):
    run = run_of(wrong)

    assert run.perform() == 1

    assert sentence in run.ending().message


def test_its_value_model_s_head_learns_in_steps_that_bf16_would_lose(run_of):
    run = run_of({**SHORT, "precision": "bf16", "max_steps": 1, "save_steps": 1})

    assert run.perform() == 0, run.log

    kept = torch.load(next(run.checkpoints.glob("checkpoint-1/*.pt")), weights_only=True)
    assert {weight.dtype for weight in kept["value_model"].values()} == {torch.float32}


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_it_trains_on_a_base_model_in_4_bit(run_of, reward_model):
    run = run_of({**SHORT, "load_in_4bit": True, "reward_model": str(reward_model)})

    assert run.perform() == 0, run.log

    assert min(curve(run, "grad_norm")) > 0


def test_it_trains_no_base_model_in_4_bit_as_a_whole(run_of):
    run = run_of({"load_in_4bit": True, "use_lora": False})

    assert run.perform() == 1

    assert run.ending().message.startswith("A base model in 4 bit cannot be trained as a whole")
