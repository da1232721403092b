from pathlib import Path

from django.db import migrations
from django.utils import timezone


def record_checkpoints(apps, schema_editor):
    """Of the jobs that were there before: what their events tell of."""
    Checkpoint = apps.get_model('training_jobs', 'Checkpoint')
    events = apps.get_model('training_jobs', 'JobEvent').objects.filter(kind='checkpoint').order_by('pk')
    for event in events.iterator():
        folder = Path(event.data['path'])
        files = [file for file in folder.rglob('*') if file.is_file()] if folder.is_dir() else []
        gone = {} if files else {'deleted_at': timezone.now(), 'deleted_because': 'removed by its trainer'}
        Checkpoint.objects.create(
            job_id=event.job_id,
            attempt=event.attempt,
            step=event.data['step'],
            path=str(folder),
            size_bytes=sum(file.stat().st_size for file in files),
            saved_at=event.at,
            **gone,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('training_jobs', '0002_stop_resume_and_checkpoints'),
    ]

    operations = [
        migrations.RunPython(record_checkpoints, migrations.RunPython.noop),
    ]
