"""The pages of staff. They read; what changes something is a verb, and the verb is audited."""

from payments.admin import dead_letter, menu, overview, payment, people, records, refund

__all__ = ["dead_letter", "menu", "overview", "payment", "people", "records", "refund"]
