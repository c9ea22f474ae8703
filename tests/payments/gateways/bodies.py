"""What the gateways answer and send, as recorded (invented): paid transactions to vary."""

FAPSHI_PAID = {
    "transId": "Qm4tZ81x", "status": "SUCCESSFUL", "medium": "orange money", "transType": "Collection", "amount": 2500,
    "revenue": 2425, "payerName": "A. Payer", "externalId": "ours-1", "userId": "ours-1",
    "webhook": "https://shop.example/hooks/fapshi", "financialTransId": "699887766",
    "dateInitiated": "2026-11-05T09:30:00.000Z", "dateConfirmed": "2026-11-05T09:31:12.000Z",
}  # fmt: skip

CAMPAY_ID = "5b0e1c52-7a1d-4f3c-8e55-6f0a9b2d3c41"
OURS = "0d9f6c1e-5a34-4c0b-9a3e-2f6f1c7b8a10"
CAMPAY_PAID = {
    "reference": CAMPAY_ID, "external_reference": OURS, "external_user": OURS, "status": "SUCCESSFUL",
    "amount": "1500.00", "app_amount": "1470.00", "currency": "XAF", "operator": "MTN", "code": "CP261105D000AB1",
    "operator_reference": "12345678901", "endpoint": "collect", "description": "Order 7f3c",
    "phone_number": "237670000000", "reason": "None",
}  # fmt: skip
CAMPAY_ROW = {
    "datetime": "2026-11-05T09:30:00.000000Z", "code": "CP1", "operator_tx_code": "998", "operator": "Orange",
    "phone_number": "237690000000", "description": f"Order 7f3c {OURS}", "external_user": OURS, "amount": "1500.00",
    "charge_amount": "30.50", "debit": 0, "credit": "1469.50", "status": "SUCCESSFUL", "reference_uuid": CAMPAY_ID,
}  # fmt: skip

ORDER = "order_Ab3dEf6hIj9kLm"
PAY = "pay_Ab3dEf6hIj9kQq"
PLINK = "plink_Ab3dEf6hIj9kPl"
RAZORPAY_ORDER = {
    "id": ORDER, "entity": "order", "amount": 149900, "amount_paid": 0, "amount_due": 149900, "currency": "INR",
    "receipt": OURS, "status": "created", "attempts": 0, "notes": [], "created_at": 1767000000,
}  # fmt: skip
RAZORPAY_PAYMENT = {
    "id": PAY, "entity": "payment", "amount": 149900, "currency": "INR", "base_amount": 149900, "status": "captured",
    "order_id": ORDER, "invoice_id": None, "international": False, "method": "upi", "amount_refunded": 0,
    "refund_status": None, "captured": True, "vpa": "9876543210@examplebank", "email": None,
    "contact": "+919876543210", "notes": {"reference": OURS}, "fee": 3538, "tax": 540, "error_code": None,
    "error_description": None, "error_reason": None, "acquirer_data": {"rrn": "534512345678"},
    "created_at": 1767000120,
}  # fmt: skip
RAZORPAY_REFUND = {
    "id": "rfnd_Ab3dEf6hIj9kRf", "entity": "refund", "amount": 50000, "currency": "INR", "payment_id": PAY,
    "receipt": OURS, "notes": [], "acquirer_data": {"arn": None}, "status": "pending", "created_at": 1767003600,
}  # fmt: skip
RAZORPAY_LINK = {
    "id": PLINK, "amount": 149900, "amount_paid": 0, "currency": "INR", "reference_id": OURS, "status": "created",
    "short_url": "https://rzp.io/i/abc123", "payments": None, "notes": None, "expire_by": 1767086400,
}  # fmt: skip

CASHFREE_ORDER = {
    "cf_order_id": "2198000001", "order_id": OURS, "entity": "order", "order_amount": 1499, "order_currency": "INR",
    "order_status": "ACTIVE", "payment_session_id": "session_AbCdEf", "order_tags": None,
    "order_expiry_time": "2099-12-30T14:50:00+05:30", "created_at": "2025-12-29T14:50:00+05:30",
}  # fmt: skip
CASHFREE_PAYMENT = {
    "cf_payment_id": "5114910634577", "order_id": OURS, "entity": "payment", "order_amount": 1499,
    "order_currency": "INR", "payment_amount": 1499, "payment_currency": "INR", "payment_status": "SUCCESS",
    "is_captured": True, "payment_group": "upi", "payment_method": {"upi": {"upi_id": "9876543210@examplebank"}},
    "payment_time": "2025-12-29T14:51:20+05:30", "payment_completion_time": "2025-12-29T14:52:03+05:30",
    "payment_message": "00::Transaction success", "bank_reference": "534512345678", "error_details": None,
}  # fmt: skip
CASHFREE_REFUND = {
    "cf_refund_id": "1319000001", "cf_payment_id": "5114910634577", "refund_id": OURS.replace("-", "_"),
    "order_id": OURS, "entity": "refund", "refund_amount": 500, "refund_currency": "INR", "refund_status": "PENDING",
    "status_description": "In Progress", "refund_type": "MERCHANT_INITIATED", "refund_arn": None,
    "created_at": "2025-12-29T16:00:00+05:30", "processed_at": None,
}  # fmt: skip
CASHFREE_LINK = {
    "cf_link_id": "1", "link_id": OURS, "link_status": "ACTIVE", "link_amount": 1499, "link_amount_paid": 0,
    "link_currency": "INR", "link_url": "https://payments.cashfree.com/links/abc",
}  # fmt: skip
