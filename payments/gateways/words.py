"""Words about gateways: what customers call them, and what some of them say of a try that failed."""

TITLES = {"fapshi": "Fapshi", "campay": "CamPay", "razorpay": "Razorpay", "cashfree": "Cashfree"}

# The signed event that says: the payer's last try failed, and may be followed by another.
DECLINED_WORDS = {"razorpay": "payment.failed", "cashfree": "PAYMENT_FAILED_WEBHOOK"}


def title_of(gateway: str) -> str:
    return TITLES.get(gateway, gateway)
