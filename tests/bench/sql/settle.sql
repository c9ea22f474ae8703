-- One payment settled by plain SQL: the same row changes as ours, its locks taken first and in order.
-- A client takes the next payment of bench_waiting. Names with a colon come from there: pgbench takes one for a variable.
SELECT nextval('bench_turn') AS turn \gset
SELECT payment, attempt, ordered, buyer, about, wallet, gateway, fees, sales FROM bench_waiting WHERE number = :turn \gset
BEGIN;
SELECT id FROM payments_payment WHERE id = :payment FOR NO KEY UPDATE;
SELECT id FROM orders_order WHERE id = :ordered FOR NO KEY UPDATE;
SELECT id FROM orders_cartitem WHERE order_id = :ordered ORDER BY id FOR NO KEY UPDATE;
SELECT id FROM orders_product WHERE id IN (SELECT product_id FROM orders_orderitem WHERE order_id = :ordered) ORDER BY id FOR NO KEY UPDATE;
UPDATE payments_payment SET state = 'SETTLED', settled_at = now(), finished_at = now(), next_check_at = NULL WHERE id = :payment;
UPDATE payments_paymentattempt SET state = 'PAID', collected_minor = 3000, collected_currency = 'INR', ended_at = now() WHERE id = :attempt;
UPDATE orders_order SET state = 'PAID', paid_at = now() WHERE id = :ordered;
UPDATE orders_orderitem SET state = 'SOLD' WHERE order_id = :ordered;
UPDATE orders_product p SET stock_reserved = stock_reserved - i.quantity, stock_sold = stock_sold + i.quantity FROM orders_orderitem i WHERE i.order_id = :ordered AND p.id = i.product_id;
DELETE FROM orders_cartitem WHERE order_id = :ordered;
INSERT INTO wallets_account (name, currency, user_id, balance_minor, opened_at) VALUES (:wallet, 'INR', :buyer, 0, now()) ON CONFLICT DO NOTHING;
INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at) SELECT :gateway, id, 3000, 'INR', concat(:about::text, chr(58), 'capture'), now() FROM wallets_account WHERE name = :wallet AND currency = 'INR';
INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at) VALUES (:fees, :gateway, 60, 'INR', concat(:about::text, chr(58), 'fee'), now());
INSERT INTO wallets_entry (debit_id, credit_id, amount_minor, currency, reason, posted_at) SELECT id, :sales, 3000, 'INR', concat(:about::text, chr(58), 'sale'), now() FROM wallets_account WHERE name = :wallet AND currency = 'INR';
INSERT INTO notifications_notification (user_id, kind, about, channel, language, address, context, state, next_attempt_at, attempts, problem, created_at) VALUES (:buyer, 'payment_settled', :about, 'sms', 'fr', '9000000000', '{"amount_en": "₹30.00", "amount_fr": "30,00 ₹", "order": "CT-000001", "shop": "shop"}', 'SENT', now(), 0, '', now());
COMMIT;
