#!/usr/bin/env python3
"""Writes the sample data of Clean Custard: an invented chain of frozen-custard shops.

Four tables, three years (2023-11-01 to 2026-10-31): stores.csv, products.csv, customers.csv, orders.csv.
Nothing here is about real people or shops. The same seed gives the same bytes; run it again after a change
and commit the files with it. Needs Python 3.9 or later and nothing else.
"""

import csv
import datetime as dt
import pathlib
import random
from decimal import Decimal, ROUND_HALF_UP

OUT = pathlib.Path(__file__).parent
FIRST_DAY = dt.date(2023, 11, 1)
LAST_DAY = dt.date(2026, 10, 31)
ORDERS = 4200
CUSTOMERS = 360

# city, state, region, how busy
CITIES = [
    ("Milwaukee", "Wisconsin", "Lakes", 1.6),
    ("Milwaukee", "Wisconsin", "Lakes", 1.2),
    ("Madison", "Wisconsin", "Lakes", 1.3),
    ("Green Bay", "Wisconsin", "Lakes", 0.8),
    ("Chicago", "Illinois", "Lakes", 1.5),
    ("Minneapolis", "Minnesota", "North", 1.1),
    ("Duluth", "Minnesota", "North", 0.6),
    ("Fargo", "North Dakota", "North", 0.5),
    ("St. Louis", "Missouri", "Rivers", 1.4),
    ("Kansas City", "Missouri", "Rivers", 1.0),
    ("Des Moines", "Iowa", "Plains", 0.8),
    ("Omaha", "Nebraska", "Plains", 0.9),
]
STORE_NAMES = [
    "Lakefront Scoop", "Third Street Custard", "Capitol Cone", "Packer Corner", "Loop Custard",
    "Nicollet Swirl", "Harbor Freeze", "Prairie Dip", "Arch Custard", "Fountain City Cone",
    "Ingersoll Treats", "Old Market Swirl",
]
# name, category, price, cost, nuts, introduced, discontinued, popularity
PRODUCTS = [
    ("Vanilla Cone", "Cones", "3.25", "0.95", False, "2012-05-01", None, 2.2),
    ("Chocolate Cone", "Cones", "3.25", "1.00", False, "2012-05-01", None, 1.8),
    ("Twist Cone", "Cones", "3.50", "1.05", False, "2013-04-15", None, 1.4),
    ("Waffle Cone Deluxe", "Cones", "4.75", "1.60", True, "2016-06-01", None, 1.0),
    ("Vanilla Cup", "Cups", "3.95", "1.10", False, "2012-05-01", None, 1.6),
    ("Strawberry Cup", "Cups", "4.25", "1.30", False, "2014-05-20", None, 1.2),
    ("Mint Chip Cup", "Cups", "4.25", "1.35", False, "2017-03-10", None, 1.1),
    ("Flavor of the Day", "Cups", "4.50", "1.40", True, "2012-05-01", None, 1.9),
    ("Turtle Sundae", "Sundaes", "6.95", "2.40", True, "2012-05-01", None, 1.7),
    ("Hot Fudge Sundae", "Sundaes", "6.50", "2.10", False, "2012-05-01", None, 1.8),
    ("Cherry Crunch Sundae", "Sundaes", "6.75", "2.35", True, "2018-05-05", None, 0.9),
    ("Pumpkin Pie Sundae", "Sundaes", "6.95", "2.45", False, "2019-09-15", "2025-12-01", 0.6),
    ("Banana Split", "Sundaes", "8.50", "3.10", True, "2012-05-01", None, 1.1),
    ("Malted Vanilla Shake", "Shakes", "5.95", "1.85", False, "2012-05-01", None, 1.5),
    ("Chocolate Peanut Shake", "Shakes", "6.25", "2.10", True, "2015-06-10", None, 1.2),
    ("Cold Brew Shake", "Shakes", "6.50", "2.20", False, "2021-04-01", None, 1.0),
    ("Vanilla Pint", "Pints", "8.95", "3.00", False, "2014-11-01", None, 0.9),
    ("Butter Pecan Pint", "Pints", "9.75", "3.60", True, "2014-11-01", None, 0.8),
    ("Salted Caramel Pint", "Pints", "9.75", "3.45", False, "2020-02-14", None, 0.9),
    ("Custard Cake Small", "Cakes", "24.00", "9.50", False, "2016-01-15", None, 0.35),
    ("Custard Cake Large", "Cakes", "38.00", "14.80", False, "2016-01-15", None, 0.2),
    ("Cookie Sandwich", "Cakes", "4.95", "1.70", True, "2022-06-21", None, 0.9),
    ("Lemon Ice Cake", "Cakes", "27.50", "10.90", False, "2026-09-01", None, 0.0),
]
FIRST_NAMES = (
    "Ada Amir Anna Ben Bea Carl Chloe Dana Diego Elena Eli Farah Finn Grace Gus Hana Henry Ines Ivan Jada "
    "Jonas Kai Kira Lena Leo Maya Milo Nadia Noah Olive Omar Paula Pete Quinn Rosa Ruben Sara Sven Tara Theo "
    "Uma Vera Viktor Wanda Will Yara Yusuf Zoe"
).split()
LAST_NAMES = (
    "Abbott Becker Brandt Castillo Cohen Dahl Dietrich Ellis Engel Fischer Flores Gallo Graves Haddad Hansen "
    "Ibarra Jansen Keller Kowalski Larsen Lindqvist Marsh Mercer Nakamura Novak Okafor Olson Park Petrov "
    "Quigley Reyes Rossi Schmidt Silva Tanaka Thorne Ulrich Vance Vega Weber Wolfe Young Zeller"
).split()
# One custard shop's year: cold Januaries, long summers.
SEASON = [0.45, 0.5, 0.7, 0.9, 1.2, 1.6, 1.8, 1.7, 1.2, 0.85, 0.55, 0.6]
WEEKDAY = [0.75, 0.8, 0.85, 0.95, 1.3, 1.6, 1.35]
HOURS = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]
HOUR_WEIGHTS = [3, 6, 7, 6, 7, 7, 8, 10, 12, 10, 5]


def cents(value):
    return Decimal(value).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def write(name, header, rows):
    with open(OUT / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def yes(value):
    return "true" if value else "false"


def main():
    rng = random.Random(20261031)

    stores = []
    for index, ((city, state, region, weight), name) in enumerate(zip(CITIES, STORE_NAMES), start=1):
        opened = dt.date(2012, 5, 1) + dt.timedelta(days=int((index - 1) * 395 + rng.randint(0, 200)))
        stores.append((index, name, city, state, region, opened, rng.randint(4, 24) * 5, rng.random() < 0.5, weight))
    write(
        "stores.csv",
        ["store_id", "store_name", "city", "state", "region", "opened_on", "seats", "has_drive_thru"],
        [(*row[:6], row[6], yes(row[7])) for row in stores],
    )

    products = []
    for index, row in enumerate(PRODUCTS, start=1):
        products.append((index, *row))
    write(
        "products.csv",
        ["product_id", "product_name", "category", "list_price", "unit_cost", "contains_nuts", "introduced_on",
         "discontinued_on"],
        [(p[0], p[1], p[2], p[3], p[4], yes(p[5]), p[6], p[7] or "") for p in products],
    )

    customers = []
    names = [(first, last) for first in FIRST_NAMES for last in LAST_NAMES]
    rng.shuffle(names)
    for index in range(1, CUSTOMERS + 1):
        first, last = names[index]
        joined = dt.date(2021, 3, 1) + dt.timedelta(days=rng.randint(0, (LAST_DAY - dt.date(2021, 3, 1)).days - 20))
        tier = rng.choices(["Bronze", "Silver", "Gold"], [6, 3, 1])[0]
        email = "" if rng.random() < 0.12 else f"{first}.{last}{index}@example.com".lower()
        birth_year = "" if rng.random() < 0.2 else rng.randint(1948, 2008)
        home = rng.choices(stores, [s[8] for s in stores])[0]
        customers.append((index, first, last, email, home[2], tier, birth_year, joined, home))
    write(
        "customers.csv",
        ["customer_id", "first_name", "last_name", "email", "city", "loyalty_tier", "birth_year", "joined_on"],
        [row[:8] for row in customers],
    )

    days = [FIRST_DAY + dt.timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    growth = {day: 1.0 + 0.25 * (day - FIRST_DAY).days / 365 for day in days}
    weights = [SEASON[d.month - 1] * WEEKDAY[d.weekday()] * growth[d] for d in days]
    moments = sorted(
        (
            day,
            rng.choices(HOURS, HOUR_WEIGHTS)[0],
            rng.randint(0, 59),
        )
        for day in rng.choices(days, weights, k=ORDERS)
    )
    orders = []
    for index, (day, hour, minute) in enumerate(moments, start=1):
        open_stores = [s for s in stores if s[5] <= day]
        store = rng.choices(open_stores, [s[8] for s in open_stores])[0]
        members = [c for c in customers if c[7] <= day]
        customer = None
        if rng.random() < 0.72:
            near = [c for c in members if c[8][0] == store[0]]
            customer = rng.choice(near if near and rng.random() < 0.8 else members)
        for_sale = [p for p in products if p[7] is None or dt.date.fromisoformat(p[7]) > day]
        product = rng.choices(for_sale, [p[8] for p in for_sale])[0]
        quantity = rng.choices([1, 2, 3, 4, 5, 6, 8], [48, 28, 11, 7, 3, 2, 1])[0]
        # Prices rose by three per cent each November.
        rises = sum(1 for year in (2024, 2025) if day >= dt.date(year, 11, 1))
        price = cents(Decimal(product[3]) * (Decimal("1.03") ** (rises - 2)))
        channels = ["In store", "Delivery", "Drive-thru"] if store[7] else ["In store", "Delivery"]
        channel = rng.choices(channels, [7, 2, 4][: len(channels)])[0]
        payment = rng.choices(["Card", "Cash", "Phone"], [6, 2.2, 2.4 if channel != "Delivery" else 5])[0]
        rating = "" if rng.random() < 0.45 else rng.choices([1, 2, 3, 4, 5], [1, 2, 5, 14, 18])[0]
        orders.append(
            (index, f"{day} {hour:02}:{minute:02}:00", store[0], customer[0] if customer else "", product[0], quantity,
             price, price * quantity, channel, payment, rating)
        )
    write(
        "orders.csv",
        ["order_id", "ordered_at", "store_id", "customer_id", "product_id", "quantity", "unit_price", "total_amount",
         "channel", "payment_method", "rating"],
        orders,
    )


if __name__ == "__main__":
    main()
