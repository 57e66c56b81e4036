"""The agent of a first start, which needs no key."""

from django.db import migrations

PROMPT = "You are a helpful assistant. Use your tools where they help."


def add_demo(apps, schema_editor):
    apps.get_model("agents", "Agent").objects.create(
        slug="demo",
        name="Demo",
        description="Built in and offline: it streams and calls tools, but can't think.",
        model="demo/assistant",
        system_prompt=PROMPT,
        tools=["calculator", "current_datetime", "resolve_date"],
    )


def remove_demo(apps, schema_editor):
    apps.get_model("agents", "Agent").objects.filter(slug="demo").delete()


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]
    operations = [migrations.RunPython(add_demo, remove_demo)]
