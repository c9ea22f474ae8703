"""The gateways as a local server: their dialects on real HTTP, their own books, and faults to order.

    python -m payments.sandbox --host 127.0.0.1 --port 9000 [--seed 1] [--webhooks http://127.0.0.1:8000/webhooks]

It prints one line when it is ready and stops cleanly on SIGTERM. Nothing is written to disk; nothing of the rest of
the project is imported. A request goes: server.py (which path) → faults.py (what goes wrong) → dialects/ (what the
gateway says) → books.py and life.py (what becomes of the money) → webhooks.py (who is told).

Point the base addresses here; credentials are these, or the variables in brackets:

    /fapshi       apiuser sandbox-user [FAPSHI_API_USER], apikey FAK_TEST_sandbox [FAPSHI_API_KEY];
                  payouts: sandbox-payout [FAPSHI_PAYOUT_USER], FAK_TEST_payout [FAPSHI_PAYOUT_KEY];
                  webhook secret sandbox-fapshi-secret [FAPSHI_WEBHOOK_SECRET]
    /campay/api   username sandbox-user [CAMPAY_USERNAME], password sandbox-password [CAMPAY_PASSWORD];
                  webhook key sandbox-campay-key [CAMPAY_WEBHOOK_KEY]; also the permanent token sandbox-permanent-token
    /razorpay/v1  key rzp_test_sandbox [RAZORPAY_KEY_ID], sandbox-razorpay-secret [RAZORPAY_KEY_SECRET];
                  webhook secret sandbox-razorpay-webhook [RAZORPAY_WEBHOOK_SECRET]
    /cashfree/pg  x-client-id TEST_sandbox [CASHFREE_CLIENT_ID], x-client-secret cfsk_ma_test_sandbox
                  [CASHFREE_CLIENT_SECRET], which also signs webhooks

A browser finds a summary at /. The control side, JSON both ways; a refusal is {"code", "message", "field"} and changes
nothing:

    GET   /control                             the gateways, and the sandbox's time
    GET   /control/{gateway}                   its knobs, and the overrides by phone
    PATCH /control/{gateway}                   {knob: value, …, "phones": {…}}: all or nothing
    GET   /control/{gateway}/books             entries, totals by kind.state, in_flight, most_in_flight,
                                               most_in_one_second, calls, turned_away (of them, by
                                               rate_limit_per_second), webhooks_held;
                                               ?state= kind= reference= phone= since_entry= (a number) limit=
    GET   /control/{gateway}/webhooks          the last thousand sent, with the receiver's answer; ?gateway_id=
    POST  /control/{gateway}/webhooks/resend   {"gateway_id": …}: tell again what the transaction is now
    POST  /control/{gateway}/webhooks/take     those held back since the last time (knob webhooks_held), whole, to be
                                               delivered by the asker; they are forgotten here
    POST  /control/{gateway}/payer             {"gateway_id": …, "decides": "pay" or "decline"}: the payer does so now;
                                               who declined, or let a link expire, may still pay. 409: too late
    POST  /control/reset                       {"seed": 7, "knobs": {gateway: {knob: value, …}}}: empty books, knobs
                                               (but webhook_url) and time as at start; then those knobs are turned
    POST  /control/clock                       {"advance_seconds": n}: links and tokens expire, late things happen

Knobs. Rates are shares from 0 to 1, all 0 at the start; durations are milliseconds; amounts are minor units. Speed:
latency_ms (+ up to latency_jitter_ms), answer_held_ms (of a transaction that exists already), capacity (null or n: so
many calls are thought about at once and the others wait for them), approval_delay_ms = 100 (+ up to
approval_jitter_ms). The payer: refusal_rate, never_approve_rate (stays pending; in India it fails after
payment_minutes), links_pay_themselves, operator_down (null, "mtn", "orange", in India "upi": its payments fail),
payout_failure_rate (payouts and refunds).
Calls: busy_rate (429, nothing done), error_rate (500, nothing done), html_error_rate (502 page, nothing done),
reset_rate (dropped, nothing done), timeout_rate (nothing done, no answer, dropped after timeout_hold_ms),
error_after_capture_rate and timeout_after_capture_rate (the same, although the transaction exists and goes on),
status_error_rate (500 when a transaction is read), outage (503 to all), rate_limit_per_second (null or n, then 429;
retry_after_header). Money: wrong_amount_rate by wrong_amount_delta_minor, success_after_expiry_rate (links),
success_after_failure_rate (each late_success_ms later), fee_basis_points, payout_fee_basis_points (refunds too).
Webhooks: webhook_url, webhooks_enabled, webhooks_held (kept for webhooks/take instead of sent), and
webhook_{lost,duplicate,late,reorder,before_answer,forged,unknown}_rate, webhook_late_ms; a forged one claims at once
that a new transaction is paid, an unknown one is signed well but for a transaction nobody knows.
What only one gateway has stands in its dialect: FapshiKnobs, CamPayKnobs, RazorpayKnobs, CashfreeKnobs, and OrderKnobs
for the last two.

Overrides by phone let tests share one sandbox: PATCH {"phones": {"677000001": {"knobs": {"refusal_rate": 1},
"times": 2}}} holds for the next two calls that would charge that number, and for the whole life of what they create
(approval, webhooks, status_error_rate, how it is shown); "times": null is for ever, a null override ends it. All knobs
can be overridden but webhook_url, webhooks_held, outage, capacity, rate_limit_per_second and retry_after_header. A
phone is national: nine digits from 6, in India ten. There an order charges nobody: the override waits for POST
payments/create/… (Razorpay) and orders/sessions (Cashfree), for links, captures, and refunds of that phone's payments.

Luck is a hash of the seed, the gateway, the caller's reference (else its phone) with the number of times it was seen,
and the knob: the same seed and references give the same world in any order of arrival. At Fapshi the documented test
numbers always pay (670000000, …) or never do (670000001, …), in India the addresses success@razorpay,
failure@razorpay, testsuccess@gocash and other test…@gocash; the knobs decide for all others.

Books: an entry is "collected" exactly when the sandbox believes it took the money; "paid_back" when it sent some;
"returned" when the payer paid and got it back before it was the merchant's (a second success for one order, a success
too late, a payment that nobody captured). In India an order is an entry from its first payment on: gateway_id is the
order's id (Razorpay's order_…, Cashfree's is the caller's), or the link's (plink_…, the caller's link_id); a second
payment beside an open one is an entry under the payment's id; refunds name their order in of_gateway_id. At
Fapshi and CamPay money goes back by payouts: entries of kind "payout" under the caller's reference, tied to no
collection and made again whenever asked; their knob float_short refuses them for want of money. A call counts as in
flight until it is answered, or until a caller who is left without an answer hangs up. A page that
answers 599 is a fault of the sandbox itself.
"""
