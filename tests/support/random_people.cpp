#include "tests/support/random_people.h"

#include <array>
#include <set>

#include "base/time.h"

namespace muster::testing {
namespace {

constexpr TimeMs kDay = 86'400'000;

// One in `n`.
bool rarely(Random& random, std::uint32_t n) { return random.below(n) == 0; }

Value some_text(Random& random, std::initializer_list<const char*> choices) {
  return std::string(choices.begin()[random.below(static_cast<std::uint32_t>(choices.size()))]);
}

// Around now, around the borders of the usual windows, at local midnights, and now and then ahead.
TimeMs some_time(Random& random, const Zone& zone) {
  constexpr std::array<std::int64_t, 9> kBorders{0, 1, 2, 7, 14, 30, 60, 90, 365};
  const TimeMs border = kRandomNow - kBorders[random.below(kBorders.size())] * kDay;
  switch (random.below(6)) {
    case 0: return border + static_cast<TimeMs>(random.below(3)) - 1;
    case 1: {
      const Date day = zone.day_of(kRandomNow - random.below(100) * kDay);
      return zone.start_of(day) + static_cast<TimeMs>(random.below(3)) - 1;
    }
    case 2: return kRandomNow + 1 + random.below(20) * (kDay / 2);
    default: return kRandomNow - random.below(120) * kDay - random.below(24) * 3'600'000;
  }
}

Value some_day(Random& random) {
  const Date today = Zone().day_of(kRandomNow);
  return Date{today.days + 10 - static_cast<std::int32_t>(random.below(200))};
}

Decimal some_amount(Random& random) {
  const auto scale = static_cast<std::uint8_t>(random.below(4));
  const std::int64_t whole = random.below(60) * power_of_ten(scale);
  const std::int64_t part = rarely(random, 2) ? 0 : random.below(10);
  return {rarely(random, 12) ? -(whole + part) : whole + part, scale};
}

// Multiples of a quarter: every sum of them is exact in any order.
double some_real(Random& random) { return (random.below(64) - 16.0) / 4; }

GeoPoint some_point(Random& random) {
  return {48 + random.below(33) / 16.0, 11 + random.below(33) / 16.0};
}

// Sets `name` unless chance leaves it out.
void put(Random& random, PlainFields& fields, const char* name, Value value) {
  if (!rarely(random, 4)) fields[name] = {.list = false, .values = {std::move(value)}};
}

template <typename Make>
void put_list(Random& random, PlainFields& fields, const char* name, Make make) {
  if (rarely(random, 4)) return;
  PlainField list{.list = true, .values = {}};
  for (std::uint32_t left = random.below(4); left > 0; --left) list.values.push_back(make());
  fields[name] = list;
}

template <typename Fill>
void put_objects(Random& random, PlainFields& fields, const char* name, Fill fill) {
  if (rarely(random, 4)) return;
  PlainField list{.list = true, .values = {}};
  for (std::uint32_t left = random.below(4); left > 0; --left) {
    PlainFields object;
    fill(object);
    list.objects.push_back(std::move(object));
  }
  // An empty list of objects looks like any other empty list, and would be taken for one of texts.
  if (!list.objects.empty()) fields[name] = std::move(list);
}

Value whole(std::int64_t number) { return Decimal{number, 0}; }

Value some_product(Random& random) {
  return some_text(random, {"p1", "p2", "p3", "p4", "p-unknown"});
}

Value some_country(Random& random) {
  return some_text(random, {"US", "CA", "DE", "us", "Côte d’Ivoire", "Österreich", "日本", ""});
}

void fill_person(Random& random, Person& person, const Zone& zone) {
  PlainFields& fields = person.attributes;
  put(random, fields, "country", some_country(random));
  put(random, fields, "plan", some_text(random, {"free", "pro", "Pro", "team"}));
  put(random, fields, "city.name", some_text(random, {"Berlin", "Straße", "STRASSE", "O'Hara"}));
  put(random, fields, "age", whole(random.below(90)));
  put(random, fields, "points", whole(static_cast<std::int64_t>(random.below(2'000)) - 1'000));
  put(random, fields, "income", some_amount(random));
  put(random, fields, "score", some_real(random));
  put(random, fields, "vip", rarely(random, 3));
  put(random, fields, "joined", some_day(random));
  put(random, fields, "seen", Instant{some_time(random, zone)});
  put(random, fields, "home", some_point(random));
  put(random, fields, "store_id", some_text(random, {"s1", "s2", "s3"}));
  put_list(random, fields, "tags",
           [&] { return some_text(random, {"vip", "Vip", "new", "größe", "a b"}); });
  put_list(random, fields, "sizes", [&] { return whole(random.below(6) + 36); });
  put_list(random, fields, "prices", [&] { return Value(some_amount(random)); });
  put_objects(random, fields, "homes", [&](PlainFields& home) {
    put(random, home, "city", some_text(random, {"Berlin", "Paris", "berlin"}));
    put(random, home, "since", some_day(random));
  });
  put_list(random, fields, "days", [&] { return some_day(random); });
}

PlainFields purchase(Random& random) {
  PlainFields fields;
  put(random, fields, "amount", some_amount(random));
  put(random, fields, "qty", whole(random.below(5)));
  put(random, fields, "sku", some_text(random, {"a1", "a2", "b1", "ß"}));
  put(random, fields, "product_id", some_product(random));
  put(random, fields, "paid", rarely(random, 2));
  put(random, fields, "weight", some_real(random));
  put(random, fields, "due", some_day(random));
  put_objects(random, fields, "items", [&](PlainFields& item) {
    put(random, item, "category", some_text(random, {"shoes", "hats", "Hüte"}));
    put(random, item, "qty", whole(random.below(4)));
    put(random, item, "price", some_amount(random));
    put(random, item, "gift", rarely(random, 3));
    put(random, item, "made", Instant{some_time(random, Zone())});
  });
  put_list(random, fields, "labels", [&] { return some_text(random, {"x", "y", "z"}); });
  return fields;
}

PlainFields view(Random& random) {
  PlainFields fields;
  put(random, fields, "sku", some_text(random, {"a1", "a2", "c7"}));
  put(random, fields, "seconds", whole(random.below(400)));
  put(random, fields, "product_id", some_product(random));
  return fields;
}

PlainFields refund(Random& random) {
  PlainFields fields;
  put(random, fields, "amount", some_amount(random));
  return fields;
}

void add_events(Random& random, Person& person, const PeopleShape& shape, const Zone& zone,
                std::uint64_t& next_id) {
  if (rarely(random, 5)) return;
  TimeMs last = kRandomNow;
  for (std::uint32_t left = random.below(shape.events_each_max + 1); left > 0; --left) {
    PlainEvent event;
    event.id = "e" + std::to_string(next_id++);
    event.time = rarely(random, 5) ? last : some_time(random, zone);
    last = event.time;
    switch (random.below(5)) {
      case 0: event.name = "view"; event.properties = view(random); break;
      case 1: event.name = "Refund (partial)"; event.properties = refund(random); break;
      default: event.name = "purchase"; event.properties = purchase(random);
    }
    person.events.push_back(std::move(event));
  }
}

void add_entities(Random& random, People& people) {
  for (const char* id : {"p1", "p2", "p3", "p4"}) {
    PlainFields& fields = people.entities["product"][id];
    put(random, fields, "category", some_text(random, {"Bikes", "Shoes", "bikes"}));
    put(random, fields, "price", some_amount(random));
    put(random, fields, "eco", rarely(random, 2));
    put(random, fields, "launched", some_day(random));
    put_list(random, fields, "colours", [&] { return some_text(random, {"red", "blue", "a1"}); });
  }
  for (const char* id : {"s1", "s2", "s3"}) {
    PlainFields& fields = people.entities["store"][id];
    put(random, fields, "region", some_text(random, {"north", "south"}));
    put(random, fields, "size", whole(random.below(5)));
  }
}

void add_types(People& people) {
  using index::FieldType;
  const FieldType decimal{Type::Decimal, false, 3};
  people.fields = {
      {"profiles.country", {Type::String}},      {"profiles.plan", {Type::String}},
      {"profiles.city.name", {Type::String}},    {"profiles.age", {Type::Int}},
      {"profiles.points", {Type::Int}},          {"profiles.income", decimal},
      {"profiles.score", {Type::Double}},        {"profiles.vip", {Type::Bool}},
      {"profiles.joined", {Type::Date}},         {"profiles.seen", {Type::Timestamp}},
      {"profiles.home", {Type::Geo}},            {"profiles.store_id", {Type::String}},
      {"profiles.tags", {Type::String, true}},   {"profiles.sizes", {Type::Int, true}},
      {"profiles.prices", {Type::Decimal, true, 3}}, {"profiles.days", {Type::Date, true}},
      {"purchase.amount", decimal},              {"purchase.qty", {Type::Int}},
      {"purchase.sku", {Type::String}},          {"purchase.product_id", {Type::String}},
      {"purchase.paid", {Type::Bool}},           {"purchase.weight", {Type::Double}},
      {"purchase.due", {Type::Date}},            {"purchase.labels", {Type::String, true}},
      {"view.sku", {Type::String}},              {"view.seconds", {Type::Int}},
      {"view.product_id", {Type::String}},       {"Refund (partial).amount", decimal},
      {"product.category", {Type::String}},      {"product.price", decimal},
      {"product.colours", {Type::String, true}},
      {"product.eco", {Type::Bool}},             {"product.launched", {Type::Date}},
      {"store.region", {Type::String}},          {"store.size", {Type::Int}},
  };
  people.references = {{"purchase.product_id", "product"},
                       {"view.product_id", "product"},
                       {"profiles.store_id", "store"}};
}

void collect_keys(const std::string& table, const PlainFields& fields,
                  std::set<std::string>& keys) {
  for (const auto& [name, field] : fields) {
    if (!field.values.empty()) keys.insert(table + "." + name);
  }
}

}  // namespace

void drop_unseen_fields(People& people) {
  std::set<std::string> seen;
  for (const Person& person : people.people) {
    collect_keys("profiles", person.attributes, seen);
    for (const PlainEvent& event : person.events) {
      collect_keys(event.name, event.properties, seen);
    }
  }
  for (const auto& [entity, rows] : people.entities) {
    for (const auto& [id, fields] : rows) collect_keys(entity, fields, seen);
  }
  std::erase_if(people.fields, [&seen](const auto& field) { return !seen.contains(field.first); });
}

People random_people(Random& random, const PeopleShape& shape) {
  People people;
  people.timezone = shape.timezone;
  const auto zone = Zone::named(shape.timezone);
  CHECK(zone);
  add_types(people);
  add_entities(random, people);
  std::uint64_t next_id = 1;
  for (std::uint32_t i = 0; i < shape.people; ++i) {
    Person person{.id = "c" + std::to_string(i), .attributes = {}, .events = {}};
    fill_person(random, person, *zone);
    add_events(random, person, shape, *zone, next_id);
    people.people.push_back(std::move(person));
  }
  return people;
}

}  // namespace muster::testing
