"""Names of people, and texts of prompts, by one normal form; what was there twice stays usable.

Of people whose names are one in different spellings, the one with the best claim keeps the name: who is
active before who is not, then superusers, then who was there first. The others get a number behind their name,
and go on logging in with the former spelling, since their password tells them apart. Each is told on stderr.

Of prompts that read the same, one is from now on found by their text; the others keep their images and
comparisons and are merely not found by it any more.
"""

import sys
from itertools import count

from django.db import migrations, models

import annotation.models.user
from annotation.models.prompt import prompt_digest
from annotation.names import name_key


def name_people(apps, schema_editor):
    User = apps.get_model("annotation", "User")
    people = User.objects.using(schema_editor.connection.alias)
    order = ("-is_active", "-is_superuser", "date_joined", "id")
    rows = list(people.order_by(*order).values_list("id", "username"))
    # All first claims are settled before anybody is renamed: nobody gets the name of a third person.
    taken, twins = {}, []
    for id, name in rows:
        if name_key(name) in taken:
            twins.append((id, name))
        else:
            taken[name_key(name)] = name
            people.filter(id=id).update(name_key=name_key(name))
    for id, name in twins:
        new = next(new for new in numbered(name) if name_key(new) not in taken)
        taken[name_key(new)] = new
        people.filter(id=id).update(username=new, name_key=name_key(new), former_name=name)
        keeper = taken[name_key(name)]
        print(
            f"Two people were called “{keeper}” but for the spelling: “{name}” is now “{new}”.",
            file=sys.stderr,
        )


def numbered(name):
    return (f"{name[:140]}-{n}" for n in count(2))


def name_back(apps, schema_editor):
    User = apps.get_model("annotation", "User")
    people = User.objects.using(schema_editor.connection.alias)
    for id, former in people.exclude(former_name="").values_list("id", "former_name"):
        people.filter(id=id).update(username=former)


def fold_prompts(apps, schema_editor):
    Prompt = apps.get_model("annotation", "Prompt")
    prompts = Prompt.objects.using(schema_editor.connection.alias)
    for id, project, text, digest in prompts.order_by("id").values_list(
        "id", "project", "text", "digest"
    ):
        folded = prompt_digest(text)
        if folded != digest and not prompts.filter(project=project, digest=folded).exists():
            prompts.filter(id=id).update(digest=folded)


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0012_looking"),
    ]

    operations = [
        migrations.AlterModelManagers(
            name="user",
            managers=[("objects", annotation.models.user.People())],
        ),
        migrations.AddField(
            model_name="user",
            name="former_name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="The name before an upgrade, if somebody else had the same in another spelling.",
                max_length=150,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="name_key",
            field=models.CharField(editable=False, max_length=150, null=True),
        ),
        migrations.RunPython(name_people, name_back),
        migrations.RunPython(fold_prompts, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="user",
            name="name_key",
            field=annotation.models.user.NameKeyField(editable=False, max_length=150, unique=True),
        ),
    ]
