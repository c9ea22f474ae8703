"""Fill a local stack: shops and a menu in both currencies, 200 customers and the staff user, all with one password."""

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rest_framework.authtoken.models import Token

from notifications.models import Language, Preference
from orders.models import Product, Shop

PASSWORD = "choptym"  # noqa: S105 - only ever in a local stack, see handle()
CUSTOMERS = 200
# Each with the role of the same name, beside `admin`, who may do everything.
STAFF = ("support", "finance", "operators")
STOCK = 1_000_000

# Prices in minor units: FCFA as they are, INR in paise.
MENU = {
    ("Mama Ngono", "XAF"): {
        "Ndolé with plantain": 2_500,
        "Poulet DG": 6_500,
        "Eru with water fufu": 3_000,
        "Grilled mackerel": 4_500,
        "Koki": 1_500,
        "Puff-puff and beans": 1_000,
        "Fresh ginger juice": 500,
        "Family platter": 15_000,
    },
    ("Bonapriso Grill", "XAF"): {
        "Soya skewers": 2_000,
        "Braised chicken": 5_500,
        "Jollof rice": 2_500,
        "Bobolo": 300,
        "Whole roast fish": 12_500,
    },
    ("Delhi Darbar", "INR"): {
        "Masala dosa": 18_000,
        "Chicken biryani": 42_000,
        "Paneer tikka": 32_000,
        "Mango lassi": 12_000,
        "Thali for four": 160_000,
    },
}


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL_STACK:
            raise CommandError("seed_demo makes users with a known password: it runs with LOCAL_STACK=true only.")
        with transaction.atomic(durable=True):
            _seed_menu()
            _seed_users()
        self.stdout.write(f"{Product.objects.count()} products, {User.objects.count()} users")


def _seed_menu() -> None:
    for (shop_name, currency), dishes in MENU.items():
        shop, _ = Shop.objects.get_or_create(name=shop_name, defaults={"currency": currency})
        Product.objects.bulk_create(
            [
                Product(shop=shop, name=name, price_minor=price, stock_start=STOCK, stock_on_hand=STOCK)
                for name, price in dishes.items()
            ],
            ignore_conflicts=True,
        )


def _seed_users() -> None:
    password = make_password(PASSWORD)
    User.objects.get_or_create(
        username="admin",
        defaults={"password": password, "is_staff": True, "is_superuser": True, "email": "admin@choptym.example"},
    )
    for name in STAFF:
        staff = {"password": password, "is_staff": True, "email": f"{name}@choptym.example"}
        user, _ = User.objects.get_or_create(username=name, defaults=staff)
        user.groups.add(Group.objects.get(name=name))
    names = [f"customer{number}" for number in range(1, CUSTOMERS + 1)]
    User.objects.bulk_create(
        [User(username=name, password=password, email=f"{name}@choptym.example") for name in names],
        ignore_conflicts=True,
    )
    customers = list(User.objects.filter(username__in=names))
    Token.objects.bulk_create([Token(user=user, key=Token.generate_key()) for user in customers], ignore_conflicts=True)
    # A mix as in life: all by SMS, some by mail or push too, two thirds in French.
    Preference.objects.bulk_create([_preference(user) for user in customers], ignore_conflicts=True)


def _preference(user: User) -> Preference:
    number = int(user.username.removeprefix("customer"))
    return Preference(
        user=user,
        language=Language.ENGLISH if number % 3 == 0 else Language.FRENCH,
        by_email=number % 4 == 0,
        push_token=f"device-{number}" if number % 5 == 0 else "",
    )
