"""The fields of an event may be deleted for good; nothing else about it changes."""

from django.db import migrations

from tracer import immutability


def install(apps, schema_editor):
    immutability.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("tracer", "0002_immutable")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
