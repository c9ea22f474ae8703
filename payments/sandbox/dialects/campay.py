"""CamPay: XAF, one-hour tokens, pushes and links, a callback whose signature does not cover what it says."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from urllib.parse import quote, urlencode, urlsplit

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Answer, Call, Message, as_json
from payments.sandbox.chance import HEX
from payments.sandbox.clock import as_date, as_iso
from payments.sandbox.dialects import campay_rules as rules
from payments.sandbox.dialects.base import Dialect, Operation, Table
from payments.sandbox.dialects.campay_tokens import PERMANENT_TOKEN, Callbacks, Tokens
from payments.sandbox.knobs import Knobs, choice, limit, rate, switch, whole
from payments.sandbox.phones import find_operator


@dataclass(frozen=True, slots=True, kw_only=True)
class CamPayKnobs(Knobs):
    amount_form: str | None = choice("dotted", "number", "string")  # "1500.00", 1500, "1500"
    none_form: str | None = choice("None", None, "")  # how an absent value is shown
    history_form: str | None = choice("array", "object")
    ussd_form: str | None = choice("bare", "sentence")
    callback_method: str | None = choice("POST", "GET")
    # "accept" makes a second transaction: the reading under which a careless caller charges twice.
    duplicate_reference: str | None = choice("accept", "replay", "reject")
    uuid4_required: bool = switch()
    demo_cap: int | None = limit()  # the most the demo host takes; Orange then starts at 10
    pushes_per_number: int | None = limit()  # in ten minutes
    link_has_reference: bool = switch(default=True)
    withdraw_permitted: bool = switch(default=True)
    mtn_float_minor: int = whole(100_000_000)
    orange_float_minor: int = whole(100_000_000)
    float_short: bool = switch()  # ER301, whatever the floats are
    token_seconds: int = whole(3600, minimum=1)
    unauthorized_rate: float = rate()  # 401 although the token is good
    forged_kind: str | None = choice("wrong_key", "expired_token", "alg_none", "replayed")


def _mine(knobs: Knobs) -> CamPayKnobs:
    return cast("CamPayKnobs", knobs)


class CamPay(Dialect):
    name: ClassVar[str] = "campay"
    knobs_kind: ClassVar[type[Knobs]] = CamPayKnobs
    page_prefix: ClassVar[str] = "pay/"

    def operations(self) -> Table:
        return {
            "api/token/": {"POST": Operation(self._issue_token)},
            "api/collect/": {"POST": Operation(self._collect, creates=True)},
            "api/get_payment_link/": {"POST": Operation(self._make_link, creates=True)},
            "api/withdraw/": {"POST": Operation(self._withdraw, creates=True)},
            "api/transaction/{}/": {"GET": Operation(self._read_status)},
            "api/balance/": {"GET": Operation(self._read_balance)},
            "api/history/": {"POST": Operation(self._read_history)},
        }

    def forget(self) -> None:
        env = os.environ.get
        self._username = env("CAMPAY_USERNAME", "sandbox-user")
        self._password = env("CAMPAY_PASSWORD", "sandbox-password")
        self._tokens = Tokens(self._password, self.gateway.clock)
        self._callbacks = Callbacks(env("CAMPAY_WEBHOOK_KEY", "sandbox-campay-key"))
        self._pushes: dict[str, list[float]] = {}

    # Rules of a call

    def find(self, call: Call) -> Operation | Answer:
        if not call.tail.endswith("/"):
            slashed = Call(call.method, f"{call.tail}/", {}, {}, b"", "")
            if isinstance(super().find(slashed), Operation):
                # What Django does: a client that follows it turns its POST into a GET.
                return Answer(301, headers={"Location": quote(f"/{self.name}/{call.tail}/")})
        return super().find(call)

    def refuse(self, call: Call) -> Answer | None:
        if call.tail == "api/token/":
            return None
        scheme, _, token = call.headers.get("Authorization", "").partition(" ")
        if scheme != "Token" or not (token == PERMANENT_TOKEN or self._tokens.is_good(token)):
            return self.error(401, "Invalid token.")
        rate = _mine(call.knobs).unauthorized_rate
        if rate and self.gateway.chance.happens(rate, self.gateway.key_for(call.key), "unauthorized"):
            return self.error(401, "Invalid token.")
        return None

    def subject(self, call: Call) -> tuple[str, str]:
        phone = call.text("to") or call.text("from")
        return call.text("external_reference"), phone[3:] if rules.is_phone(phone) else ""

    def error(self, status: int, message: str, code: str = "") -> Answer:
        return as_json({"message": message, **({"error_code": code} if code else {})}, status)

    def new_id(self, key: str) -> str:
        return self.gateway.chance.uuid4(key, "reference")

    def _refuse_to_create(self, call: Call, phone_field: str) -> Answer | None:
        document, knobs = call.document, _mine(call.knobs)
        if document is None:
            return self.error(400, "The body must be a JSON object")
        problem = rules.find_problem(document, phone_field, knobs.demo_cap)
        if problem is not None:
            return self.error(400, problem.message, problem.code)
        if knobs.uuid4_required and not rules.is_uuid4(call.text("external_reference")):
            return self.error(400, "external_reference must be a UUID4")
        return None

    def _find_duplicate(self, call: Call) -> Entry | Answer | None:
        """The first transaction with this reference, or the refusal of a second, as the knob reads the documents."""
        reading = _mine(call.knobs).duplicate_reference
        reference = call.text("external_reference")
        earlier = self.gateway.books.by_reference.get(reference)
        if not reference or not earlier or reading == "accept":
            return None
        return earlier[0] if reading == "replay" else self.error(400, "external_reference has been used")

    # Calls

    def _issue_token(self, call: Call) -> Answer:
        if call.text("username") != self._username or call.text("password") != self._password:
            return as_json({"non_field_errors": ["Unable to log in with provided credentials."]}, 400)
        seconds = _mine(call.knobs).token_seconds
        return as_json({"token": self._tokens.issue(seconds), "expires_in": seconds})

    def _collect(self, call: Call) -> Answer:
        refusal = self._refuse_to_create(call, "from")
        if refusal is not None:
            return refusal
        entry = self._find_duplicate(call)
        if entry is None and self._is_pushed_too_often(call):
            return self.error(400, "Rate limit per phone number reached")
        if isinstance(entry, Answer):
            return entry
        entry = entry or self._open(call, Kind.COLLECTION, phone=call.text("from")[3:])
        ussd_code = rules.find_ussd_code(entry.operator, as_sentence=_mine(call.knobs).ussd_form == "sentence")
        return as_json({"reference": entry.gateway_id, "ussd_code": ussd_code, "operator": entry.operator})

    def _is_pushed_too_often(self, call: Call) -> bool:
        most = _mine(call.knobs).pushes_per_number
        if most is None:
            return False
        now, phone = self.gateway.clock.now(), call.text("from")
        recent = [at for at in self._pushes.get(phone, ()) if at > now - 600]
        self._pushes[phone] = [*recent, now] if len(recent) < most else recent
        return len(recent) >= most

    def _make_link(self, call: Call) -> Answer:
        refusal = self._refuse_to_create(call, "")
        if refusal is not None:
            return refusal
        entry = self._find_duplicate(call)
        if isinstance(entry, Answer):
            return entry
        if entry is None:
            link_id = f"sandbox-{self.gateway.chance.word(HEX, 12, call.key, 'link')}"
            entry = self._open(call, Kind.COLLECTION, phone=self.subject(call)[1], link_id=link_id)
        document = {"link": f"{call.origin}/{self.name}/{self.page_prefix}{entry.link_id}/"}
        if _mine(call.knobs).link_has_reference:
            document["reference"] = entry.gateway_id
        return as_json(document)

    def _withdraw(self, call: Call) -> Answer:
        if not _mine(call.knobs).withdraw_permitted:
            return self.error(403, "API withdrawals are switched off for this application")
        refusal = self._refuse_to_create(call, "to")
        if refusal is not None:
            return refusal
        entry = self._find_duplicate(call)
        if isinstance(entry, Answer):
            return entry
        if entry is None:
            phone = call.text("to")[3:]
            is_short = self._float_minor(find_operator(phone)) < rules.read_amount(call.document)
            if is_short or _mine(call.knobs).float_short:
                return self.error(400, "Insufficient balance", "ER301")
            entry = self._open(call, Kind.PAYOUT, phone=phone)
        return as_json({"reference": entry.gateway_id, "status": rules.WORDS[entry.state]})

    def _open(self, call: Call, kind: Kind, *, phone: str, link_id: str = "") -> Entry:
        entry = Entry(
            kind=kind,
            key=call.key,
            gateway_id=self.new_id(call.key),
            reference=call.text("external_reference"),
            amount_minor=rules.read_amount(call.document),
            currency="XAF",
            phone=phone,
            operator=find_operator(phone),
            created_at=self.gateway.clock.now(),
            override=call.override,
            link_id=link_id,
            details={name: call.text(name) for name in rules.ECHOED if call.text(name)},
        )
        return self.gateway.open_entry(call, entry)

    def _read_status(self, call: Call) -> Answer:
        entry = self.gateway.books.by_gateway_id.get(call.argument)
        if entry is None or not entry.tries:
            # Also a link whose payer has not started: the transaction does not exist yet.
            return self.error(404, "Transaction not found")
        if self.stumbles(entry):
            return self.error(500, "Internal server error")
        return as_json({**self.show(entry), "signature": self._callbacks.sign()})

    def _float_minor(self, operator: str) -> int:
        knobs = _mine(self.gateway.knobs)
        start_minor = knobs.orange_float_minor if operator == "orange" else knobs.mtn_float_minor
        return start_minor + self.gateway.books.net_minor[operator]

    def _read_balance(self, _call: Call) -> Answer:
        mtn, orange = self._float_minor("mtn"), self._float_minor("orange")
        return as_json(
            {
                "total_balance": float(mtn + orange),
                "mtn_balance": mtn,
                "orange_balance": orange,
                "utility_balance": 0,
                "currency": "XAF",
            }
        )

    def _read_history(self, call: Call) -> Answer:
        start, end = call.text("start_date"), call.text("end_date")
        if not (rules.is_date(start) and rules.is_date(end)):
            return self.error(400, "start_date and end_date: YYYY-MM-DD")
        rows = [
            self._show_line(entry)
            for entry in self.gateway.books.entries
            if entry.closed_at is not None and start <= as_date(entry.created_at) <= end
        ]
        return as_json(rows if _mine(call.knobs).history_form == "array" else {"data": rows})

    # What it shows

    def show(self, entry: Entry) -> dict[str, Any]:
        """The transaction as the status call and the callback show it, without the signature."""
        knobs = _mine(self.gateway.knobs_for(entry))
        is_paid = entry.state in (State.COLLECTED, State.PAID_BACK)
        nothing = knobs.none_form
        return {
            "reference": entry.gateway_id,
            "external_reference": entry.reference or nothing,
            "external_user": entry.details.get("external_user") or nothing,
            "status": rules.WORDS[entry.state],
            "amount": rules.show_amount(entry.amount_minor, knobs.amount_form),
            "app_amount": f"{entry.amount_minor - entry.fee_minor if is_paid else 0}.00",
            "currency": "XAF",
            "operator": entry.operator.upper() or nothing,
            "code": f"D{as_date(entry.created_at).replace('-', '')[2:]}{entry.kind[0].upper()}{entry.number:06d}",
            "operator_reference": str(10**10 + entry.number) if is_paid else nothing,
            "endpoint": "withdraw" if entry.kind is Kind.PAYOUT else "collect",
            "description": entry.details.get("description") or nothing,
            "phone_number": f"237{entry.phone}" if entry.phone else nothing,
            "reason": entry.reason or nothing,
        }

    def _show_line(self, entry: Entry) -> dict[str, Any]:
        """A row of the history: no external_reference there, and fees with decimals."""
        is_out, is_paid = entry.kind is Kind.PAYOUT, entry.state in (State.COLLECTED, State.PAID_BACK)
        shown = self.show(entry)
        return {
            "datetime": as_iso(entry.created_at),
            "operator_tx_code": shown["operator_reference"],
            **{name: shown[name] for name in rules.HISTORY_FIELDS},
            "charge_amount": f"{entry.fee_minor}.00",
            "debit": entry.amount_minor if is_out and is_paid else 0,
            "credit": f"{0 if is_out or not is_paid else entry.amount_minor - entry.fee_minor}.00",
            "reference_uuid": entry.gateway_id,
        }

    def webhooks(self, entry: Entry, *, is_forged: bool = False) -> Sequence[Message]:
        knobs = _mine(self.gateway.knobs_for(entry))
        signature = self._callbacks.forge(str(knobs.forged_kind)) if is_forged else self._callbacks.sign()
        fields = {
            **self.show(entry),
            **{name: entry.details.get(source) or knobs.none_form for name, source in rules.CALLBACK_EXTRAS.items()},
            "signature": signature,
        }
        word = rules.WORDS[entry.state]
        if knobs.callback_method == "GET":
            return [Message(entry.gateway_id, word, method="GET", query=rules.as_query(fields))]
        return [Message(entry.gateway_id, word, as_json(fields).body, {"Content-Type": "application/json"})]

    def return_url(self, entry: Entry) -> str:
        is_failed = entry.state is State.FAILED
        url: str | None = entry.details.get("failure_redirect_url" if is_failed else "redirect_url")
        if not url:
            return ""
        shown = self.show(entry)
        names = ("external_reference", "status", "operator", "operator_reference")
        added = {**{name: shown[name] for name in names}, "reason": "failed" if is_failed else ""}
        parts = urlsplit(url)
        query = "&".join(part for part in (parts.query, urlencode(rules.as_query(added))) if part)
        return parts._replace(query=query).geturl()
