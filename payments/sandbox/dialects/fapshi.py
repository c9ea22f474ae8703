"""Fapshi: XAF, static keys in two headers, links and pushes, a webhook whose only proof is a secret it echoes."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Answer, Call, Message, as_json
from payments.sandbox.chance import ALPHANUMERIC, HEX
from payments.sandbox.clock import as_date, as_iso
from payments.sandbox.dialects import fapshi_rules
from payments.sandbox.dialects.base import Dialect, Operation, Table
from payments.sandbox.dialects.fapshi_rules import (
    OPERATORS,
    OUR_ID,
    TRANSACTION_ID,
    WORDS,
    find_problem,
    find_word,
    read_filters,
)
from payments.sandbox.knobs import Knobs, choice, limit, switch, whole
from payments.sandbox.phones import find_operator, is_national

MEDIA = {"mtn": "mobile money", "orange": "orange money", "fapshi": "fapshi", "": "mobile money"}
ECHOED = ("name", "email", "redirectUrl", "userId", "message")
ALWAYS_SHOWN = frozenset({"transId", "status", "amount", "externalId"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FapshiKnobs(Knobs):
    fee_basis_points: int = whole(300)
    array_status: bool = switch()  # the status in an array of one, as some pages of the documentation show it
    missing_fields: bool = switch()  # leave out what is optional
    date_only: bool = switch()  # dates without a time
    direct_pay_disabled: bool = switch()
    payouts_disabled: bool = switch()
    float_short: bool = switch()  # the service that pays out holds nothing: payouts are refused, its balance is 0
    ip_refused: bool = switch()  # the caller is not on the allow-list: nothing can be created
    status_reads_per_minute: int | None = limit(6)  # per transaction, then 429
    link_hours: int = whole(24, minimum=1)
    expiry_webhook: bool = switch(default=True)
    forged_kind: str | None = choice("wrong_secret", "no_secret")


def _mine(knobs: Knobs) -> FapshiKnobs:
    return cast("FapshiKnobs", knobs)


class Fapshi(Dialect):
    name: ClassVar[str] = "fapshi"
    knobs_kind: ClassVar[type[Knobs]] = FapshiKnobs
    page_prefix: ClassVar[str] = "payment/"

    def operations(self) -> Table:
        return {
            "initiate-pay": {"POST": Operation(self._initiate_pay, creates=True)},
            "direct-pay": {"POST": Operation(self._direct_pay, creates=True)},
            "payout": {"POST": Operation(self._payout, creates=True)},
            "expire-pay": {"POST": Operation(self._expire_pay)},
            "payment-status/{}": {"GET": Operation(self._read_status)},
            "transaction/{}": {"GET": Operation(self._list_of_user)},
            "search": {"GET": Operation(self._search)},
            "balance": {"GET": Operation(self._read_balance)},
        }

    def forget(self) -> None:
        # A service collects or pays out, never both; each has its own user and key.
        env = os.environ.get
        self._services = {
            (env("FAPSHI_API_USER", "sandbox-user"), env("FAPSHI_API_KEY", "FAK_TEST_sandbox")): Kind.COLLECTION,
            (env("FAPSHI_PAYOUT_USER", "sandbox-payout"), env("FAPSHI_PAYOUT_KEY", "FAK_TEST_payout")): Kind.PAYOUT,
        }
        self._webhook_secret = env("FAPSHI_WEBHOOK_SECRET", "sandbox-fapshi-secret")
        self._reads: dict[str, list[float]] = {}  # when, per transaction
        self._by_user: defaultdict[str, list[Entry]] = defaultdict(list)

    # Rules of a call

    def _service(self, call: Call) -> Kind | None:
        return self._services.get((call.headers.get("apiuser", ""), call.headers.get("apikey", "")))

    def refuse(self, call: Call) -> Answer | None:
        if self._service(call) is None:
            return self.error(403, "Invalid api credentials")
        if call.method == "GET" and call.body:
            return self.error(400, "A GET request must have no body")
        return None

    def subject(self, call: Call) -> tuple[str, str]:
        return call.text("externalId"), call.text("phone")

    def error(self, status: int, message: str) -> Answer:
        return as_json({"message": message}, status)

    def new_id(self, key: str) -> str:
        return self.gateway.chance.word(ALPHANUMERIC, 10, key, "transId")

    def fixed_outcome(self, entry: Entry) -> bool | None:
        return fapshi_rules.fixed_outcome(entry)

    def open_seconds(self, entry: Entry) -> float | None:
        return _mine(self.gateway.knobs_for(entry)).link_hours * 3600 if entry.link_id else None

    def _refuse_to_create(self, call: Call, kind: Kind) -> Answer | None:
        """What is wrong with a request to create, the rules that all three share; None when nothing is."""
        if _mine(call.knobs).ip_refused:
            return self.error(403, "Address not allowed")
        if self._service(call) is not kind:
            return self.error(403, f"This service does not do a {kind}")
        document = call.document
        if document is None:
            return self.error(400, "The body must be a JSON object")
        problem = find_problem(document)
        return self.error(400, problem) if problem else None

    # Calls

    def _initiate_pay(self, call: Call) -> Answer:
        refusal = self._refuse_to_create(call, Kind.COLLECTION)
        if refusal is not None:
            return refusal
        link_id = self.gateway.chance.word(HEX, 24, call.key, "link")
        entry = self._open(call, Kind.COLLECTION, link_id=link_id)
        link = f"{call.origin}/{self.name}/{self.page_prefix}{link_id}"
        return self._created(entry, link=link)

    def _direct_pay(self, call: Call) -> Answer:
        if _mine(call.knobs).direct_pay_disabled:
            return self.error(403, "Direct pay is not enabled")
        refusal = self._refuse_to_create(call, Kind.COLLECTION)
        if refusal is not None:
            return refusal
        if not is_national(call.text("phone")) or call.text("medium") == "fapshi":
            return self.error(400, "phone: nine digits beginning with 6")
        return self._created(self._open(call, Kind.COLLECTION))

    def _payout(self, call: Call) -> Answer:
        if _mine(call.knobs).payouts_disabled:
            return self.error(403, "Payouts are not enabled")
        refusal = self._refuse_to_create(call, Kind.PAYOUT)
        if refusal is not None:
            return refusal
        if call.text("medium") == "fapshi":
            if not call.text("email"):
                return self.error(400, "email: required for this medium")
        elif not is_national(call.text("phone")):
            return self.error(400, "phone: nine digits beginning with 6")
        if _mine(call.knobs).float_short:
            return self.error(400, "Not enough money for this payout")
        return self._created(self._open(call, Kind.PAYOUT))

    def _open(self, call: Call, kind: Kind, link_id: str = "") -> Entry:
        phone = "" if link_id else call.text("phone")
        entry = Entry(
            kind=kind,
            key=call.key,
            gateway_id=self.new_id(call.key),
            reference=call.text("externalId"),
            amount_minor=(call.document or {})["amount"],
            currency="XAF",
            phone=phone,
            operator=OPERATORS.get(call.text("medium")) or find_operator(phone),
            created_at=self.gateway.clock.now(),
            override=call.override,
            link_id=link_id,
            details={name: call.text(name) for name in ECHOED if call.text(name)},
        )
        self.gateway.open_entry(call, entry)
        if call.text("userId"):
            self._by_user[call.text("userId")].append(entry)
        return entry

    def _created(self, entry: Entry, **more: str) -> Answer:
        initiated = as_iso(entry.created_at)
        return as_json({"message": "Accepted", **more, "transId": entry.gateway_id, "dateInitiated": initiated})

    def _find(self, call: Call, trans_id: object) -> Entry | Answer:
        if not isinstance(trans_id, str) or TRANSACTION_ID.fullmatch(trans_id) is None:
            return self.error(400, "transId: 8 to 10 letters or digits")
        entry = self.gateway.books.by_gateway_id.get(trans_id)
        if entry is None or entry.kind is not self._service(call):
            return self.error(404, "Transaction not found")
        return entry

    def _expire_pay(self, call: Call) -> Answer:
        entry = self._find(call, (call.document or {}).get("transId"))
        if isinstance(entry, Answer):
            return entry
        if not entry.link_id:
            return self.error(400, "Only a payment link can be expired")
        if entry.state in (State.EXPIRED, State.COLLECTED):
            return self.error(400, f"The transaction is already {WORDS[entry.state].lower()}")
        self.gateway.life.expire(entry)
        return as_json(self.show(entry))

    def _read_status(self, call: Call) -> Answer:
        entry = self._find(call, call.argument)
        if isinstance(entry, Answer):
            return entry
        knobs = _mine(self.gateway.knobs_for(entry))
        if not self._may_read(entry, knobs.status_reads_per_minute):
            return self.error(429, "Too many reads of this transaction")
        if self.stumbles(entry):
            return self.error(500, "Internal server error")
        shown = self.show(entry)
        # Integrators see CREATED first, then PENDING, while the payer is asked.
        entry.details["was_read"] = True
        return as_json([shown] if knobs.array_status else shown)

    def _may_read(self, entry: Entry, per_minute: int | None) -> bool:
        if per_minute is None:
            return True
        now = self.gateway.clock.now()
        recent = [at for at in self._reads.get(entry.gateway_id, ()) if at > now - 60]
        if len(recent) >= per_minute:
            return False
        self._reads[entry.gateway_id] = [*recent, now]
        return True

    def _list_of_user(self, call: Call) -> Answer:
        if OUR_ID.fullmatch(call.argument) is None:
            return self.error(400, "userId: 1 to 100 letters, digits, - or _")
        service = self._service(call)
        return as_json([self.show(entry) for entry in self._by_user.get(call.argument, ()) if entry.kind is service])

    def _search(self, call: Call) -> Answer:
        query, service = call.query, self._service(call)
        entries = self.gateway.books.entries
        newest_first = query.get("sort") != "asc"
        found: Iterator[Entry] = (entry for entry in (reversed(entries) if newest_first else entries))
        tests = list(read_filters(query))
        matching = (entry for entry in found if entry.kind is service and all(test(entry) for test in tests))
        wanted = query.get("limit", "")
        count = int(wanted) if wanted.isdecimal() and 1 <= int(wanted) <= 100 else 10
        return as_json([self.show(entry) for entry in islice(matching, count)])

    def _read_balance(self, call: Call) -> Answer:
        service = self._service(call)
        # Random at every call, as on the real sandbox, so that nobody comes to rely on it.
        key = self.gateway.key_for("balance")
        balance = int(self.gateway.chance.roll(key, "balance") * 1_000_000)
        if service is Kind.PAYOUT and _mine(call.knobs).float_short:
            balance = 0
        return as_json({"service": f"Sandbox {service}s", "balance": balance, "currency": "XAF"})

    # What it shows

    def show(self, entry: Entry) -> dict[str, Any]:
        """The transaction as the status call and the webhook show it."""
        knobs = _mine(self.gateway.knobs_for(entry))
        as_text = as_date if knobs.date_only else as_iso
        is_paid = entry.state in (State.COLLECTED, State.PAID_BACK)
        document = {
            "transId": entry.gateway_id,
            "status": find_word(entry),
            "medium": MEDIA[entry.operator] if entry.operator or entry.tries else None,
            "serviceName": "Sandbox",
            "transType": "Payout" if entry.kind is Kind.PAYOUT else "Collection",
            "amount": entry.amount_minor,
            "revenue": entry.amount_minor - entry.fee_minor if is_paid else None,
            "payerName": entry.details.get("name"),
            "email": entry.details.get("email"),
            "redirectUrl": entry.details.get("redirectUrl"),
            "externalId": entry.reference or None,
            "userId": entry.details.get("userId"),
            "webhook": knobs.webhook_url,
            "reason": entry.reason or None,
            "financialTransId": str(10**9 + entry.number) if is_paid else None,
            "dateInitiated": as_text(entry.created_at),
            "dateConfirmed": as_text(entry.closed_at) if is_paid and entry.closed_at else None,
        }
        if knobs.missing_fields:
            return {name: value for name, value in document.items() if name in ALWAYS_SHOWN}
        return document

    def announces(self, entry: Entry) -> bool:
        return entry.state is not State.EXPIRED or _mine(self.gateway.knobs_for(entry)).expiry_webhook

    def webhooks(self, entry: Entry, *, is_forged: bool = False) -> Sequence[Message]:
        headers = {"Content-Type": "application/json", "x-wh-secret": self._webhook_secret}
        if is_forged:
            headers["x-wh-secret"] = "guessed-" + self._webhook_secret[::-1]
            if _mine(self.gateway.knobs_for(entry)).forged_kind == "no_secret":
                del headers["x-wh-secret"]
        return [Message(entry.gateway_id, find_word(entry), as_json(self.show(entry)).body, headers)]

    def return_url(self, entry: Entry) -> str:
        url: str | None = entry.details.get("redirectUrl")
        if not url:
            return ""
        parts = urlsplit(url)
        query = {"transId": entry.gateway_id, **dict(parse_qsl(parts.query)), "status": find_word(entry)}
        return parts._replace(query=urlencode(query)).geturl()
