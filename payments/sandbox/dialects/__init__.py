"""The gateways we can be. A new one is a file here and a line in this table."""

from payments.sandbox.dialects.base import Dialect
from payments.sandbox.dialects.campay import CamPay
from payments.sandbox.dialects.cashfree import Cashfree
from payments.sandbox.dialects.fapshi import Fapshi
from payments.sandbox.dialects.razorpay import Razorpay

DIALECTS: tuple[type[Dialect], ...] = (Fapshi, CamPay, Razorpay, Cashfree)
