from django.db import migrations, models


def derive_again(apps, schema_editor):
    """Colours are another by the recipe of this version: what was made ahead is made anew."""
    images = apps.get_model("annotation", "Image").objects.using(schema_editor.connection.alias)
    images.filter(derived__gt=0).update(derived=0)


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0015_imported_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="image",
            name="wanted",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=60
            ),
        ),
        migrations.AddField(
            model_name="image",
            name="wanted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=models.Q(("wanted_at__isnull", False)),
                fields=["wanted_at"],
                name="image_wanted",
            ),
        ),
        migrations.RunPython(derive_again, migrations.RunPython.noop),
    ]
