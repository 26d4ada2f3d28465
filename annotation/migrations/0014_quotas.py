"""Who made a project, and what it keeps on the disk: its first manager, and the pictures that were copied."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def fill(apps, schema_editor):
    using = schema_editor.connection.alias
    Project = apps.get_model("annotation", "Project")
    Membership = apps.get_model("annotation", "Membership")
    Image = apps.get_model("annotation", "Image")
    first = Membership.objects.using(using).filter(project=models.OuterRef("pk"), role="manager")
    kept = (
        Image.objects.using(using)
        .filter(project=models.OuterRef("pk"), folder=None)
        .order_by()
        .values("project")
        .annotate(sum=models.Sum("bytes"))
        .values("sum")
    )
    Project.objects.using(using).update(
        created_by=models.Subquery(first.order_by("created_at", "id").values("user")[:1]),
        kept_bytes=models.functions.Coalesce(
            models.Subquery(kept), 0, output_field=models.BigIntegerField()
        ),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0013_one_name"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="created_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="kept_bytes",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
