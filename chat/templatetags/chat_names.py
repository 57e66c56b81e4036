"""Names in templates."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def named(names: Mapping[str, str], slug: str) -> str:
    """Return an agent's name; the slug of one that is gone."""
    return names.get(slug, slug)
