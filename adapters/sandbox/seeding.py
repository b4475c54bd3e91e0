"""Fills a world with a made-up sales team, and lets it work on: the same seed, the same world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from adapters.sandbox.world import Clock, Row, Value, World

FIRST = ("Ada", "Grace", "Édith", "Łukasz", "נועה", "陽菜", "Zoë", "Jan", "Olga", "Ravi", "Noor", "José")
LAST = ("King", "Hopper", "Piaf", "Nowak", "כהן", "田中", "Müller", "de Vries", "Ivanova", "Rao", "Haddad", "Núñez")
FIRMS = ("Nordwind", "Blue Harbour", "Café Ünal", "Kōbō", "מרכז", "Acme & Sons", "O'Neill", "Zwölf 12", "Delta")
STRANGE = (
    "👩‍👩‍👧‍👦 Family office", "Z̶͎͝a̷l̴g̵o̶ combining", "שלום, <b>world</b> & 'quotes' \"double\"", "tab\tand\nnew line",
    "x" * 10_000, "\u202eright to left", "nul \x00 inside", "=1+1",
)  # fmt: skip
CURRENCIES = ("EUR", "EUR", "USD", "JPY", None)
ACTIVITIES = ("call", "email", "meeting", "appointment", "task", "note")
PIPELINES = (
    ("Sales", (("New", 0.1), ("Qualified", 0.3), ("Offer", 0.6), ("Won", 1.0), ("Lost", 0.0))),
    ("Renewals", (("Due", 0.5), ("Talking", 0.7), ("Renewed", 1.0), ("Gone", 0.0))),
)
SOURCES, LEAD_STATES = ("web", "referral", "trade fair"), ("new", "working", "qualified", "unqualified")
OUTCOMES = {1.0: "won", 0.0: "lost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    owners: int = 8
    companies: int = 30
    contacts: int = 60
    deals: int = 80
    activities: int = 200
    leads: int = 0
    days: float = 120.0


def seeded(
    seed: int,
    now: datetime,
    size: Size | None = None,
    *,
    follows: Callable[[], datetime] | None = None,
    merges_to_new_id: bool = True,
) -> World:
    """A world whose clock stands at `now` after `size.days` of work. follows: the clock that it runs with from then.
    merges_to_new_id: see `World`."""
    size = size or Size()
    clock = Clock(now - timedelta(days=size.days))
    world = World(clock, merges_to_new_id=merges_to_new_id)
    life = _Life(world, Random(f"sandbox {seed}"))  # noqa: S311  # made-up data
    life.hire(size.owners)
    deeds: list[Callable[[], object]] = [
        *[life.new_company] * size.companies, *[life.new_contact] * size.contacts, *[life.new_deal] * size.deals,
        *[life.work_on_deal] * (2 * size.deals), *[life.new_activity] * size.activities,
        *[life.new_lead] * size.leads, *[life.convert_lead] * (size.leads // 4),
    ]  # fmt: skip
    life.chance.shuffle(deeds)
    span_s = (now - clock.now()).total_seconds()
    for moment, deed in zip(sorted(life.chance.random() for _ in deeds), deeds, strict=True):
        # Some come in the same instant, as an import makes them.
        clock.advance(0 if life.chance.random() < 0.2 else moment * span_s - clock.monotonic())
        deed()
    life.let_some_go()
    world.clock = Clock(now, follows=follows)
    return world


def live_on(world: World, *, seed: int, deeds: int, step_s: float = 3600.0) -> None:
    """So many things happen, up to `step_s` apart."""
    life = _Life(world, Random(f"sandbox {seed}"))  # noqa: S311  # made-up data
    choices: tuple[Callable[[], object], ...] = (
        life.new_company, life.new_contact, life.new_contact, life.new_deal, life.new_deal, life.work_on_deal,
        life.work_on_deal, life.work_on_deal, life.edit_contact, life.new_activity, life.new_activity, life.archive_one,
        life.merge_two, life.edit_activity,
    )  # fmt: skip
    if world.rows.get("lead"):
        choices = (*choices, life.new_lead, life.convert_lead, life.edit_lead)
    for _ in range(deeds):
        world.clock.advance(1 + step_s * life.chance.random())
        life.chance.choice(choices)()


class _Life:
    def __init__(self, world: World, chance: Random) -> None:
        self.world, self.chance = world, chance

    # --- the staff ---

    def hire(self, count: int) -> None:
        teams = [self.world.create("team", {"name": name}) for name in ("North", "South")]
        for number in range(count):
            first, last = FIRST[number % len(FIRST)], LAST[(number * 5 + number // len(FIRST)) % len(LAST)]
            fields: dict[str, Value] = {"first_name": first, "last_name": last, "user_id": 7_000 + number}
            fields["email"] = f"owner{number}@sandbox.example"
            self.world.create("owner", fields, {"team": [teams[number % 2].row_id]})
        for place, (name, stages) in enumerate(PIPELINES):
            pipeline = self.world.create("pipeline", {"name": name, "position": place})
            for position, (label, probability) in enumerate(stages):
                stage: dict[str, Value] = {"name": label, "position": position, "pipeline_id": pipeline.row_id}
                stage |= {"outcome": OUTCOMES.get(probability, "open"), "probability": Decimal(str(probability))}
                self.world.create("stage", stage)

    def let_some_go(self) -> None:
        """What a grown account has: people who left, deleted and merged records."""
        owners = self.world.live("owner")
        if len(owners) > 2:
            self.world.archive(owners[-1])
        for kind in ("company", "contact", "deal", *ACTIVITIES):
            rows = self.world.live(kind)
            if len(rows) > 8:
                self.world.archive(rows[len(rows) // 2])
        for kind in ("company", "contact", "deal"):
            rows = self.world.live(kind)
            if len(rows) > 8:
                self.world.merge(rows[1], rows[-2])

    # --- deeds ---

    def new_company(self) -> Row:
        number = len(self.world.rows.get("company", {}))
        name = self._strange(f"{self.chance.choice(FIRMS)} {number}")
        size = {"employees": self.chance.choice((None, 4, 70, 1200)), "industry": self.chance.choice((None, "RETAIL"))}
        where = {"country": self.chance.choice((None, "Germany", "Japan")), "owner_id": self._owner()}
        return self.world.create("company", {"name": name, "domain": f"firm{number}.example", **size, **where})

    def new_contact(self) -> Row:
        number = len(self.world.rows.get("contact", {}))
        company = self._one("company")
        fields = {
            "first_name": self._strange(self.chance.choice(FIRST)), "last_name": self.chance.choice(LAST),
            "email": f"person{number}@sandbox.example" if self.chance.random() < 0.9 else None,
            "phone": f"+49 30 {100_000 + number}" if self.chance.random() < 0.6 else None, "owner_id": self._owner(),
        }  # fmt: skip
        return self.world.create("contact", fields, {"company": [company.row_id]} if company else {})

    def new_deal(self) -> Row:
        pipeline = self.chance.choice(self.world.live("pipeline"))
        stage, owner = self._stages(pipeline.row_id)[0], self._owner()
        number, now = len(self.world.rows.get("deal", {})), self.world.clock.now()
        amount = None if self.chance.random() < 0.1 else Decimal(self.chance.randrange(1, 900)) * 50
        fields: dict[str, Value] = {
            "name": self._strange(f"Deal {number}"), "pipeline_id": pipeline.row_id, "stage_id": stage.row_id,
            "amount": amount, "currency": self.chance.choice(CURRENCIES), "owner_id": owner,
            "close_at": now + timedelta(days=self.chance.randrange(10, 120)),
        }  # fmt: skip
        links = {kind: [row.row_id] for kind in ("contact", "company") if (row := self._one(kind)) is not None}
        return self.world.create("deal", fields, links, by=owner)

    def work_on_deal(self) -> Row | None:
        deal = self._one("deal")
        if deal is None:
            return None
        now, pipeline = self.world.clock.now(), deal.fields["pipeline_id"]
        draw, owner = self.chance.random(), self._owner()
        if draw < 0.15:
            return self.world.update(deal, {"amount": Decimal(self.chance.randrange(1, 900)) * 50}, by=owner)
        if draw < 0.25:
            return self.world.update(deal, {"owner_id": owner}, by=owner)
        if draw < 0.35 and not self._is_closed(deal):
            return self.world.update(deal, {"close_at": now + timedelta(days=self.chance.randrange(1, 90))}, by=owner)
        stage = self.chance.choice(self._stages(pipeline))
        closing = {"close_at": now} if stage.fields["outcome"] != "open" else {}
        return self.world.update(deal, {"stage_id": stage.row_id, **closing}, by=owner)

    def new_activity(self) -> Row:
        kind, now = self.chance.choice(ACTIVITIES), self.world.clock.now()
        is_planned = kind in {"meeting", "appointment", "task"} and self.chance.random() < 0.2
        ahead = timedelta(hours=self.chance.randrange(1, 200))
        fields: dict[str, Value] = {
            "at": now + ahead if is_planned else now - timedelta(minutes=self.chance.randrange(0, 2_000)),
            "subject": self._strange(f"{kind.capitalize()} about the offer"), "owner_id": self._owner(),
            "direction": self.chance.choice(("in", "out")), "duration_s": self.chance.randrange(30, 3_600),
            "status": "planned" if is_planned else self.chance.choice(("done", "done", "done", "cancelled")),
        }  # fmt: skip
        links = {kind: [row.row_id] for kind in ("contact", "company", "deal") if (row := self._one(kind)) is not None}
        return self.world.create(kind, fields, links)

    def new_lead(self) -> Row:
        number = len(self.world.rows.get("lead", {}))
        fields: dict[str, Value] = {
            "first_name": self._strange(self.chance.choice(FIRST)), "last_name": self.chance.choice(LAST),
            "email": f"lead{number}@sandbox.example" if self.chance.random() < 0.9 else None,
            "phone": f"+49 40 {200_000 + number}" if self.chance.random() < 0.5 else None,
            "company": self._strange(f"{self.chance.choice(FIRMS)} {number}"), "owner_id": self._owner(),
            "source": self.chance.choice((*SOURCES, None)), "status": "new",
        }  # fmt: skip
        return self.world.create("lead", fields)

    def edit_lead(self) -> Row | None:
        lead = self._one("lead")
        return self.world.update(lead, {"status": self.chance.choice(LEAD_STATES)}) if lead else None

    def convert_lead(self) -> Row | None:
        """It becomes a contact and a deal."""
        lead = self._one("lead")
        if lead is None or lead.fields.get("converted_at") is not None:
            return None
        contact, deal = self.new_contact(), self.new_deal()
        self.world.update(contact, {name: lead.fields[name] for name in ("first_name", "last_name", "email", "phone")})
        lead.links = {"contact": [contact.row_id], "deal": [deal.row_id]}
        return self.world.update(lead, {"status": "qualified", "converted_at": self.world.clock.now()})

    def edit_contact(self) -> Row | None:
        contact = self._one("contact")
        return self.world.update(contact, {"phone": f"+44 {self.chance.randrange(10**6)}"}) if contact else None

    def edit_activity(self) -> Row | None:
        activity = self._one(self.chance.choice(ACTIVITIES))
        return self.world.update(activity, {"status": "cancelled"}) if activity else None

    def archive_one(self) -> Row | None:
        row = self._one(self.chance.choice(("company", "contact", "deal", *ACTIVITIES)))
        return self.world.archive(row) if row is not None else None

    def merge_two(self) -> Row | None:
        rows = self.world.live(self.chance.choice(("company", "contact", "deal")))
        return self.world.merge(*self.chance.sample(rows, 2)) if len(rows) > 8 else None

    # --- draws ---

    def _one(self, kind: str) -> Row | None:
        return self.world.any(kind, self.chance)

    def _owner(self) -> int | None:
        owner = self._one("owner")
        return owner.row_id if owner is not None and self.chance.random() < 0.95 else None

    def _stages(self, pipeline_id: object) -> list[Row]:
        return [row for row in self.world.live("stage") if row.fields["pipeline_id"] == pipeline_id]

    def _is_closed(self, deal: Row) -> bool:
        stage = self.world.get("stage", int(deal.text("stage_id")))
        return stage is not None and stage.fields["outcome"] != "open"

    def _strange(self, text: str) -> str:
        return self.chance.choice(STRANGE) if self.chance.random() < 0.05 else text
