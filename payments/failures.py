"""Why a payment did not go through, or waits longer, in words for the customer. The code is what machines read."""

# The payer said no, and may still say yes: at some gateways a payment outlives the tries to pay it.
TRY_DECLINED = "try_declined"

# code: (English, French). They go on after a colon, so none begins with a capital.
SENTENCES: dict[str, tuple[str, str]] = {
    "declined": (
        "it was declined on the phone, or the balance was too low.",
        "il a été refusé sur le téléphone, ou le solde était insuffisant.",
    ),
    TRY_DECLINED: (
        "the last try was declined. Please approve again in your app or on the payment page, or cancel.",
        "le dernier essai a été refusé. Veuillez confirmer à nouveau (application ou page de paiement), ou annuler.",
    ),
    "invalid_phone": ("this number cannot pay.", "ce numéro ne peut pas payer."),
    "operator_unsupported": ("this operator is not supported.", "cet opérateur n'est pas pris en charge."),
    "amount_refused": ("this amount was not accepted.", "ce montant n'a pas été accepté."),
    "gateway_unreachable": (
        "the payment service did not answer. Please try again later.",
        "le service de paiement n'a pas répondu. Veuillez réessayer plus tard.",
    ),
    "gateway_credentials": (
        "the payment service is not available. Please try another method.",
        "le service de paiement n'est pas disponible. Veuillez choisir un autre moyen.",
    ),
    "gateway_disabled": (
        "the payment service is not available. Please try another method.",
        "le service de paiement n'est pas disponible. Veuillez choisir un autre moyen.",
    ),
    "insufficient_balance": (
        "your wallet does not hold enough.",
        "le solde de votre portefeuille est insuffisant.",
    ),
    "refused": ("the payment service refused it.", "le service de paiement l'a refusé."),
    "under_review": (
        "what the payment service tells us is not what we asked for. We are looking at it and will come back to you.",
        "la réponse du service de paiement ne correspond pas à notre demande. Nous vérifions et revenons vers vous.",
    ),
    "not_collected": (
        "no money arrived at the payment service.",
        "aucun montant n'est arrivé au service de paiement.",
    ),
    "expired": ("it was not completed in time.", "il n'a pas été effectué à temps."),
    "cancelled": ("you cancelled it.", "vous l'avez annulé."),
}


def sentence(code: str, language: str) -> str:
    """The sentence for a code, in "fr" or "en"; the general one for a code that has none."""
    english, french = SENTENCES.get(code, SENTENCES["refused"])
    return french if language == "fr" else english


def message_about(code: str, language: str) -> str:
    """The sentence standing by itself, with a capital in front; "" without a code."""
    text = sentence(code, language) if code else ""
    return text[:1].upper() + text[1:]
