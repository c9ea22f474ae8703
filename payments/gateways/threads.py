"""Threads for asking a gateway several things at a time: one set per gateway, so that a slow one keeps only itself."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.conf import settings


@cache
def gateway_threads(gateway: str) -> ThreadPoolExecutor:
    """This process's threads for one gateway. What runs in them must not touch the database."""
    limit = settings.GATEWAYS[gateway]["max_concurrent"]
    return ThreadPoolExecutor(limit, thread_name_prefix=f"ask-{gateway}")
