"""The project: wiring on top, small parts at the bottom."""

from choptym.celery import app as celery_app

__all__ = ["celery_app"]
