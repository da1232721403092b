"""What is known of a train that is being put together: all that an estimate or the preflight report may rest on."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_jobs import previews, rehearsals, step_counts, trained_parts
from training_jobs.drafts import Draft
from training_jobs.rehearsals import Measured
from training_jobs.step_counts import Rows
from training_jobs.trained_parts import Trained
from training_methods.trainers.base import DataFormat
from training_methods.trainers.preview import Preview

CHARACTERS = 4  # of English text, to a token


@dataclass(frozen=True, kw_only=True)
class Known:
    """`first` and `counted`: what was read of the rows, the first ones and all; `measured`: by a micro-run."""

    draft: Draft
    first: Preview | None
    counted: Preview | None
    measured: Measured | None

    @classmethod
    def of(cls, draft: Draft) -> "Known":
        first, counted = (previews.known(draft, whole=whole) for whole in (False, True))
        return cls(draft=draft, first=first, counted=counted, measured=rehearsals.measured(draft))

    @property
    def values(self) -> dict[str, Any]:
        return self.draft.values or {}

    @property
    def is_counted(self) -> bool:
        return previews.learnt_rows(self.counted) is not None

    @property
    def row_count(self) -> int | None:
        """Rows of the dataset that are read."""
        if not (self.draft.dataset and self.draft.values is not None):
            return None
        return step_counts.used_of(self.draft.dataset.row_count, self.values)

    @property
    def rows(self) -> Rows | None:
        """Examples that are made of them: as many, unless some were left out, or a pair makes two."""
        if not (self.draft.dataset and self.draft.trainer and self.row_count is not None):
            return None
        left = previews.learnt_rows(self.counted)
        if left is None:
            in_pairs = self.draft.dataset.data_format in (DataFormat.PREFERENCE, DataFormat.PAIRS)
            left = self.row_count * (2 if in_pairs and self.draft.trainer.slug == "kto" else 1)
        return step_counts.divided(left, self.values)

    @property
    def steps(self) -> int | None:
        """None: it is not known before it runs, or not before the rows are counted."""
        if not (self.rows and self.draft.trainer and step_counts.is_known(self.draft.trainer)):
            return None
        learnt: int | None = self.rows.learnt
        if self.values.get("packing") and not self.values.get("max_steps"):
            learnt = self.counted.packed if self.counted else None
        return None if learnt is None else step_counts.total(self.values, learnt)

    @property
    def tokens(self) -> tuple[int, str] | None:
        """In the rows that are used, and what that rests on."""
        if not (self.row_count and self.draft.dataset):
            return None
        if self.counted and self.is_counted:
            return self.counted.tokens, ""
        if self.first and self.first.examples:
            rows = len({example.row for example in self.first.examples})
            each = sum(example.tokens for example in self.first.examples) / rows
            basis = ngettext("estimated from the first row", "estimated from the first %(count)s rows", rows)
            return round(each * self.row_count), basis % {"count": rows}
        share = self.row_count / self.draft.dataset.row_count
        characters = _("estimated from the size of the file, at %(count)s characters a token") % {"count": CHARACTERS}
        return round(self.draft.dataset.size_bytes * share / CHARACTERS), characters

    @property
    def trained(self) -> Trained | None:
        draft = self.draft
        if not (draft.trainer and draft.base_model and draft.values is not None):
            return None
        return trained_parts.of(draft.trainer, draft.values, draft.base_model)
