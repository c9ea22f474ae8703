"""What the gateways of India share: rupees and paise, the tax in a fee, the time there, phone numbers."""

from datetime import datetime, timedelta, timezone

from payments.sandbox.phones import INDIA

INDIA_TIME = timezone(timedelta(hours=5, minutes=30))


def tax_minor(fee_minor: int) -> int:
    """The 18 per cent within a fee."""
    return round(fee_minor * 18 / 118)


def as_rupees(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def national(contact: object) -> str:
    """The ten digits of an Indian number, with or without +91; "" when it is none."""
    if not isinstance(contact, str):
        return ""
    phone = contact.replace(" ", "").removeprefix("+")
    phone = phone[2:] if len(phone) == 12 and phone.startswith("91") else phone
    return phone if INDIA.is_national(phone) else ""


def as_india_time(at: float) -> str:
    """2025-12-29T14:50:00+05:30"""
    return datetime.fromtimestamp(at, INDIA_TIME).isoformat(timespec="seconds")


def day_in_india(at: float) -> str:
    return datetime.fromtimestamp(at, INDIA_TIME).strftime("%Y-%m-%d")
