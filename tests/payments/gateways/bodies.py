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
