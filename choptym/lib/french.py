"""Our own refusals in French, by their code. What the frameworks say is translated by them."""

from django.utils.translation import get_language

SENTENCES = {
    "already_ended": "Ce paiement est déjà terminé.",
    "already_in_wallet": "Cet argent est déjà dans le portefeuille du client.",
    "amount_too_large": "Le montant est trop élevé.",
    "amount_too_small": "Le montant est trop petit pour ce moyen de paiement.",
    "bad_request": "La requête est mal formée.",
    "cart_full": "Le panier contient déjà trop de produits différents.",
    "currency_not_supported": "Ce moyen de paiement n'accepte pas cette devise.",
    "empty_cart": "Le panier est vide.",
    "idempotency_key_invalid": "L'en-tête Idempotency-Key manque ou n'est pas valable.",
    "idempotency_key_reused": "Cette Idempotency-Key a servi à une autre requête.",
    "insufficient_balance": "Le solde du portefeuille dans cette devise est insuffisant.",
    "invalid_phone": "Ce n'est pas un numéro mobile du pays de ce moyen de paiement "
    "(Cameroun : neuf chiffres commençant par 6 ; Inde : dix chiffres commençant par 6 à 9).",
    "length_required": "Envoyez le corps avec son Content-Length, pas en morceaux.",
    "malformed": "Le corps de la requête n'est pas valable.",
    "not_found": "Introuvable.",
    "not_here": "Le flux d'événements est servi par un autre processus.",
    "not_settled": "Ce paiement n'a rien encaissé : il n'y a rien à rembourser.",
    "nothing_left": "Tout a déjà été remboursé.",
    "other_shop": "Le panier contient les produits d'un autre restaurant. Videz-le d'abord.",
    "outcome_unknown": "Le service de paiement est interrogé. Veuillez réessayer dans un instant.",
    "parse_error": "Le corps de la requête n'est pas du JSON valable.",
    "phone_required": "Le numéro qui paie est obligatoire.",
    "quantity_too_large": "La quantité est trop grande.",
    "refund_too_small": "Ce moyen de paiement ne rembourse pas un montant si petit : seulement dans le portefeuille.",
    "server_error": "Une erreur s'est produite chez nous. Rien n'est perdu, veuillez réessayer.",
    "several_shops": "Un panier contient les produits d'un seul restaurant.",
    "shop_closed": "Le restaurant est fermé.",
    "sold_out": "Ce produit est épuisé ou n'est plus disponible en quantité suffisante.",
    "still_running": "La première requête avec cette clé est encore en cours.",
    "too_large": "Le corps de la requête est trop grand.",
    "too_many_streams": "Vous avez déjà trop de suivis ouverts.",
    "unavailable": "Veuillez réessayer dans un instant.",
    "unknown_currency": "Cette devise n'est pas acceptée.",
    "unknown_field": "Ce champ n'existe pas.",
    "unknown_method": "Ce moyen de paiement n'existe pas.",
    "unknown_product": "Ce produit n'existe pas.",
    "wrong_credentials": "Nom d'utilisateur ou mot de passe incorrect.",
}


def in_french(code: str, english: str) -> str:
    """The sentence for this code when the request wants French and there is one; else `english`."""
    is_wanted = (get_language() or "").startswith("fr")
    return SENTENCES.get(code, english) if is_wanted else english
