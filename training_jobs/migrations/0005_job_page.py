"""What the job page shows: summaries of long curves, numbered log lines, defaults at submit, where a copy is from."""

import django.db.models.deletion
from django.db import migrations, models


def number_the_lines(apps, schema_editor):
    chunk_model = apps.get_model("training_jobs", "LogChunk")
    job, line = None, 1
    for chunk in chunk_model.objects.order_by("job_id", "pk").iterator(chunk_size=16):
        line = line if chunk.job_id == job else 1
        newlines = chunk.text.count("\n")
        chunk_model.objects.filter(pk=chunk.pk).update(first_line=line, newlines=newlines)
        job, line = chunk.job_id, line + newlines


class Migration(migrations.Migration):
    dependencies = [("training_jobs", "0004_found_by_its_words_and_in_turn")]

    operations = [
        migrations.CreateModel(
            name="MetricSummary",
            fields=[
                (
                    "chunk",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="summary",
                        serialize=False,
                        to="training_jobs.metricchunk",
                    ),
                ),
                ("points", models.JSONField()),
            ],
        ),
        migrations.AddField(
            model_name="logchunk",
            name="first_line",
            field=models.PositiveBigIntegerField(default=1, help_text="The number of the line in which it begins."),
        ),
        migrations.AddField(
            model_name="logchunk", name="newlines", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="trainingjob",
            name="default_parameters",
            field=models.JSONField(default=dict, help_text="Changed parameter → the default at submit."),
        ),
        migrations.AddField(
            model_name="trainingjob",
            name="copied_from",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="copies",
                to="training_jobs.trainingjob",
            ),
        ),
        migrations.RunPython(number_the_lines, migrations.RunPython.noop, elidable=True),
    ]
