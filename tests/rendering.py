"""What a page was made of, for `response.context`.

What lives here: telling Django's test client of a page, and not of each widget, row and icon in it as Django's own way
does: the client copies the context of all it is told of, which is a fifth of the time that a page of many fields takes.
"""

from __future__ import annotations

from django.template import Context, RequestContext, Template
from django.test.signals import template_rendered
from django.utils.safestring import SafeString


def render_telling_of_pages(template: Template, context: Context) -> SafeString:
    """Render; what answers a request is told of, what it includes, extends or draws its fields with is not."""
    if isinstance(context, RequestContext) and context.template is template:
        template_rendered.send(sender=template, template=template, context=context)
    return template.nodelist.render(context)
