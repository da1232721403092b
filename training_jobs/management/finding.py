"""What commands about one job share."""

from getpass import getuser
from uuid import UUID

from django.core.management import CommandError

from training_jobs.models import TrainingJob


def job_of(text: str) -> TrainingJob:
    """The job with this id. Raises CommandError."""
    try:
        return TrainingJob.objects.get(pk=UUID(text))
    except ValueError:
        raise CommandError(f"“{text}” is no job's id: it stands on the job's page under “Job”.") from None
    except TrainingJob.DoesNotExist:
        raise CommandError(f"There is no job {text}.") from None


def who() -> str:
    """Whoever types the command, for what is recorded of it."""
    return f"{getuser()} (command line)"
