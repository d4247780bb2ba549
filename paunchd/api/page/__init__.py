"""The page at ``/``: the node at a glance, for people, readable without a script, live with one.

Read-only and self-contained: no asset comes from anywhere else. What it shows are the API's own views.
"""

from paunchd.api.page.routes import PAGES

__all__ = ["PAGES"]
