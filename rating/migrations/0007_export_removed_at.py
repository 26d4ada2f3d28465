from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rating", "0005_gained")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="removed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
