"""Taking a payment.

The path of a payment, in order:

    payments.start.start_checkout                   the customer asks to pay: order, stock and payment are rows
    payments.hand_out.hand_out                      a worker takes in hand what is due, each on a thread of its own
    payments.charge.charge_payment                  we ask the gateway to collect
    payments.webhook.receive                        the gateway tells us that something changed
    payments.match.match_batch                      which payment that is about
    payments.confirm.confirm_batch                  we ask the gateway what is true
    payments.settle.settle_batch                    one transaction moves state, money, order and stock
    notifications.notify.notify                     what must be said is written down in the same transaction
    notifications.deliver.deliver_batch             the customer is told

A payment that is not paid leaves the path through payments.close.close_unpaid. Whatever is forgotten on the way is
found by the sweepers (payments.tasks). A webhook is a hint, unless it is signed and tells of money
(payments.told.take_up_told); the row is the job.
"""
