"""Giving money back. The path of a refund:

    payments.refunds.write.write_refund          the row, and what is booked for it, in one transaction
    payments.refunds.send.send_refunds           the gateway is asked to give back, or what became of it
    payments.refunds.take_up.take_up_refund      its word ends the row; a failure is booked back

Begun by staff (payments/refund.py), by a bulk file, or at the gateway itself (outside.py).
"""
