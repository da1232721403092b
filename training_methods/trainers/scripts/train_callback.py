"""What DeepExtension's training scripts import to report: `write_log`, `TrainCallback` and the enumerations.

Every report is a line `[log_data]: {json}` on stdout, which the console turns into progress and curves.
"""

from __future__ import annotations  # the interpreter of a method's choice may be older than ours

import json
import time
from enum import Enum
from typing import Any

try:
    from transformers import TrainerCallback
except ImportError:  # a script without transformers may still write logs
    TrainerCallback = object


class LevelEnum(Enum):
    INFO = 0
    WARNING = 1
    ERROR = 2


class StatusEnum(Enum):
    PleaseCheck = 0
    Success = 1
    Running = 2
    Failed = 3
    Warning = 4
    Unknown = 5


class LogEnum(Enum):
    """What a report is about; the numbers are the ones DeepExtension gives them."""

    ParamCheckFailed = 120001
    ParamCheckWarning = 120002
    StartHandlingEvents = 120003
    HandleEventsSuccess = 120004
    HandleEventsFailed = 120005
    TrainingFileNotFound = 130001
    LoadingTrainingFileError = 130002
    ActualParams = 140001
    InitializingModel = 200001
    HandleWithDataset = 200002
    ConfigTrainingParams = 200003
    StartTraining = 200004
    TrainingSuccess = 200005
    TrainingFailed = 200006
    SaveTrainedModel = 200007
    SaveTrainedModelSuccess = 200008
    Training = 200009


def write_log(level: LevelEnum, logEnum: LogEnum, details: Any, train_id: str, seq: int, external_data: Any) -> None:
    said = {
        "level": level.name.lower(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "taskUuid": train_id,
        "seq": seq,
        "msg": logEnum.value,
        "msgDetail": details,
        "details": external_data,
    }
    print(f"[log_data]: {json.dumps(said, default=str)}", flush=True)


class TrainCallback(TrainerCallback):
    """Reports each logged step of a Hugging Face trainer."""

    def __init__(self, logging_steps: int, taskUuid: str, seq: int) -> None:
        super().__init__()
        self.logging_steps, self.taskUuid, self.seq = logging_steps, taskUuid, seq

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if "train_runtime" in (logs or {}):  # the summary at the end is no point of a curve
            return
        done = 100 * state.global_step / max(1, state.max_steps)
        values = {"step": state.global_step, "total": state.max_steps, **(logs or {})}
        write_log(LevelEnum.INFO, LogEnum.Training, f"{done}", self.taskUuid, self.seq, values)

    def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
        """What MLX calls with the loss of an iteration."""
        write_log(LevelEnum.INFO, LogEnum.Training, None, self.taskUuid, self.seq, of_mlx(train_info, "train_loss"))

    def on_val_loss_report(self, val_info: dict[str, Any]) -> None:
        write_log(LevelEnum.INFO, LogEnum.Training, None, self.taskUuid, self.seq, of_mlx(val_info, "val_loss"))


def of_mlx(info: dict[str, Any], loss: str) -> dict[str, Any]:
    return {"step": info.get("iteration"), {"train_loss": "loss", "val_loss": "eval_loss"}[loss]: info.get(loss)}
