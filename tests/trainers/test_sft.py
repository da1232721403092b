import json
import subprocess
import sys

LOAD = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(AutoModelForCausalLM.from_pretrained(sys.argv[1]).dtype, bool(tokenizer.chat_template))
"""


def test_it_learns_and_leaves_a_complete_model(run_folder):
    run = run_folder("sft", {"epochs": 3, "learning_rate": 0.01})

    assert run.perform(afresh=True) == 0, run.log

    losses = run.losses()
    assert losses[-1] < losses[0] / 2
    assert run.ending().result == "complete"
    loaded = subprocess.run([sys.executable, "-c", LOAD, str(run.output)], capture_output=True, text=True)
    assert loaded.stdout.split() == ["torch.float32", "True"], loaded.stderr
    assert "AutoModelForCausalLM.from_pretrained" in (run.output / "README.md").read_text()


def test_it_keeps_the_precision_the_base_model_was_stored_in(run_folder, tiny_model, tmp_path):
    half = tmp_path / "half"
    half.mkdir()
    for file in tiny_model.iterdir():
        (half / file.name).write_bytes(file.read_bytes())
    config = json.loads((half / "config.json").read_text())
    (half / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))

    run = run_folder("sft", {"max_steps": 1}, base_model=half)

    assert run.perform() == 0, run.log
    assert json.loads((run.output / "config.json").read_text())["dtype"] == "bfloat16"
