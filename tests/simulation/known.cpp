#include "tests/simulation/known.h"

#include <memory>

#include "base/json_writer.h"
#include "query/language/language.h"

namespace muster::testing {
namespace {

using engine::Permission;
using storage::TableKind;

constexpr std::uint32_t kNamesMax = 3;  // Segments, and lists.

std::string where_json(const std::string& text) {
  JsonWriter json;
  json.begin_object();
  json.key("where").text(text);
  json.end_object();
  return json.take();
}

// The error of a call, or that it is new to the engine.
template <typename Answer>
Result<bool> as_new(const Result<Answer>& answer) {
  if (!answer) return answer.error();
  return false;
}

Result<bool> taken(const Result<engine::IngestReceipt>& receipt, std::size_t rows) {
  if (!receipt) return receipt.error();
  if (receipt->accepted != rows || receipt->rejected != 0) {
    return Error{ErrorCode::Corrupt, std::to_string(rows) + " rows were sent, " +
                                         std::to_string(receipt->accepted) + " taken and " +
                                         std::to_string(receipt->rejected) + " rejected"};
  }
  return receipt->repeated;
}

}  // namespace

Known::Known(Random& random, const RowSpelling& spelling)
    : random_(random),
      spelling_(spelling),
      people_(random_people(random, {.people = 40})),
      definitions_(random, people_),
      questions_(random, people_) {}

std::vector<std::string> Known::members(const std::string& text, TimeMs now) const {
  const auto tree = query::parse(text);
  CHECK(tree);
  NaiveContext context{.now = now, .zone = people_.timezone};
  for (const auto& [id, where] : segments_) {
    const auto parsed = query::parse(where);
    CHECK(parsed);
    context.segments[id] = *parsed;
  }
  context.lists = lists_;
  return naive_members(people_, context, *tree);
}

std::string Known::question() {
  std::vector<std::string> segments, lists;
  for (const auto& [id, unused] : segments_) segments.push_back(id);
  for (const auto& [id, unused] : lists_) lists.push_back(id);
  questions_.use(std::move(segments), std::move(lists));
  return questions_.predicate(3);
}

std::string Known::somebody() {
  return people_.people[random_.below(static_cast<std::uint32_t>(people_.people.size()))].id;
}

std::string Known::some_id() {
  const std::string id = somebody();
  if (joined_.empty() || !one_in(4)) return id;
  const auto at = joined_.begin();
  return std::next(at, random_.below(static_cast<std::uint32_t>(joined_.size())))->first;
}

std::string Known::whose(const std::string& id) const {
  const auto found = joined_.find(id);
  return found == joined_.end() ? id : found->second;
}

Change Known::any_change(TimeMs now) {
  for (;;) {
    Change change;
    if (one_in(14)) return join_people(now);
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2: change = update_people(now); break;
      case 3:
      case 4:
      case 5: change = add_events(now); break;
      case 6: change = send_events_again(now); break;
      case 7: change = update_products(now); break;
      case 8: change = put_segment(now); break;
      default: change = put_list(now);
    }
    if (change.send) return change;  // It had no row at all.
  }
}

Change Known::rows_change(const std::string& what, TableKind table, const std::string& name,
                          const Rows& rows, bool must_be_keyed, TimeMs now) {
  Change change;
  change.what = what + " " + std::to_string(rows.size());
  change.made = now;
  if (rows.empty()) return change;
  engine::IngestRequest request{.table = table, .name = name, .bytes = spelling_.write(rows)};
  change.is_keyed = must_be_keyed || one_in(2);
  if (change.is_keyed) request.idempotency_key = "key" + std::to_string(next_++);
  change.send = [request, size = rows.size()](engine::Engine& engine) {
    return taken(engine.ingest(pass<Permission::Ingest>(), request), size);
  };
  return change;
}

// Some fields change, some go, the others stay; now and then somebody new comes.
Change Known::update_people(TimeMs now) {
  const People fresh = random_people(random_, {.people = 1 + random_.below(8)});
  Rows rows;
  auto news = std::make_shared<std::vector<std::pair<std::string, Row>>>();
  for (const Person& source : fresh.people) {
    const std::string id = one_in(5) ? fresh_id() : some_id();
    Row row{{"profile_id", text(id)}};
    Row fields;
    for (const auto& [name, field] : source.attributes) {
      if (one_in(2)) continue;
      fields.emplace_back(name, one_in(5) ? std::nullopt : std::optional(field));
    }
    row.insert(row.end(), fields.begin(), fields.end());
    rows.push_back(std::move(row));
    news->emplace_back(id, std::move(fields));
  }
  // Sent again after another update it would undo that, so it has a key.
  Change change = rows_change("people", TableKind::Profiles, "", rows, true, now);
  change.happen = [this, news] {
    for (const auto& [id, fields] : *news) {
      Person& person = people_.find_or_add(whose(id));
      for (const auto& [name, field] : fields) {
        if (field) person.attributes[name] = *field;
        else person.attributes.erase(name);
      }
    }
  };
  return change;
}

void Known::forget_events(TimeMs before) {
  events_since_ = before;
  for (Person& person : people_.people) {
    std::erase_if(person.events, [&](const PlainEvent& event) { return event.time < before; });
  }
}

// Earlier and later than what is there, of then and of now, for old and new people.
Change Known::add_events(TimeMs now) {
  const People fresh = random_people(random_, {.people = 1 + random_.below(6)});
  const TimeMs later = one_in(2) ? 0 : now - kRandomNow;
  Rows rows;
  bool has_nameless = false;
  auto news = std::make_shared<std::vector<std::pair<std::string, PlainEvent>>>();
  for (const Person& source : fresh.people) {
    for (PlainEvent event : source.events) {
      const std::string id = one_in(12) ? fresh_id() : some_id();
      event.id = one_in(3) ? "" : "n" + std::to_string(next_++);
      event.time += later;
      if (event.time < events_since_) event.time = events_since_ + random_.below(kHourMs);
      has_nameless |= event.id.empty();
      rows.push_back(event_row(id, event));
      news->emplace_back(id, std::move(event));
    }
  }
  Change change = rows_change("events", TableKind::Events, "", rows, has_nameless, now);
  change.happen = [this, news] {
    for (const auto& [id, event] : *news) {
      people_.find_or_add(whose(id)).events.push_back(event);
      if (whose(id) != id && !event.id.empty()) senders_[event.id] = id;
    }
  };
  return change;
}

// What is known by its id changes nothing, also twice in one batch.
Change Known::send_events_again(TimeMs now) {
  Rows rows;
  for (int i = 0; i < 4; ++i) {
    const Person& person = *people_.find(somebody());
    for (const PlainEvent& event : person.events) {
      if (event.id.empty() || !one_in(2)) continue;
      const auto sender = senders_.find(event.id);
      rows.push_back(event_row(sender == senders_.end() ? person.id : sender->second, event));
    }
  }
  Change change = rows_change("events again", TableKind::Events, "", rows, false, now);
  change.happen = [] {};
  return change;
}

Change Known::update_products(TimeMs now) {
  const People fresh = random_people(random_, {.people = 0});
  Rows rows;
  auto news = std::make_shared<std::map<std::string, PlainFields>>();
  for (const auto& [id, fields] : fresh.entities.at("product")) {
    if (one_in(2)) continue;
    rows.push_back(entity_row("product", id, fields));
    (*news)[id] = fields;
  }
  Change change = rows_change("products", TableKind::Entities, "product", rows, true, now);
  change.happen = [this, news] {
    for (const auto& [id, fields] : *news) {
      for (const auto& [name, field] : fields) people_.entities["product"][id][name] = field;
    }
  };
  return change;
}

Change Known::put_segment(TimeMs now) {
  const std::string id = "s" + std::to_string(random_.below(kNamesMax));
  const std::string where = definitions_.predicate(2);
  Change change{.what = "segment " + id, .made = now};
  change.send = [id, where](engine::Engine& engine) {
    return as_new(engine.put_segment(pass<Permission::Define>(), id, where_json(where)));
  };
  change.happen = [this, id, where] { segments_[id] = where; };
  return change;
}

// Whom it is given that does not exist is left out for ever.
Change Known::put_list(TimeMs now) {
  const std::string id = "l" + std::to_string(random_.below(kNamesMax));
  std::vector<std::string> members;
  for (int i = 0; i < 12; ++i) members.push_back(somebody());
  Change change{.what = "list " + id, .made = now};
  change.send = [id, members](engine::Engine& engine) {
    return as_new(engine.put_list(pass<Permission::Define>(), id, {.members = members}));
  };
  change.happen = [this, id, members] {
    lists_[id].clear();
    for (const std::string& member : members) lists_[id].push_back(whose(member));
  };
  return change;
}

// Two ids become one person's: who has one, and who came later or was somebody until now.
Change Known::join_people(TimeMs now) {
  const std::string into = some_id(), id = one_in(2) ? fresh_id() : some_id();
  Change change = rows_change("join " + id + " to " + into, TableKind::Identities, "",
                              {{{"profile", text(into)}, {"anonymous", text(id)}}}, false, now);
  change.happen = [this, into, id] {
    const std::string to = whose(into);
    Person whole = people_.find_or_add(to);
    if (whose(id) != id || to == id) return;  // It is somebody else's already.
    if (const Person* const from = people_.find(id)) {
      std::erase_if(whole.attributes, [](const auto& attribute) {
        const PlainField& value = attribute.second;  // An empty list is as good as none.
        return value.list && value.values.empty() && value.objects.empty();
      });
      whole.attributes.insert(from->attributes.begin(), from->attributes.end());
      for (const PlainEvent& event : from->events) {
        whole.events.push_back(event);
        if (!event.id.empty()) senders_.emplace(event.id, id);
      }
      std::erase_if(people_.people, [&id](const Person& person) { return person.id == id; });
    }
    people_.find_or_add(to) = whole;
    joined_[id] = to;
    for (auto& [other, root] : joined_) {
      if (root == id) root = to;
    }
    for (auto& [name, members] : lists_) std::replace(members.begin(), members.end(), id, to);
  };
  return change;
}

Change Known::erasure(TimeMs now) {
  const std::string id = whose(some_id());
  Change change{.what = "erase " + id, .is_erasure = true, .erased = {id}, .made = now};
  for (const auto& [other, root] : joined_) {
    if (root == id) change.erased.insert(other);
  }
  change.send = [id](engine::Engine& engine) {
    return as_new(engine.erase(pass<Permission::Define>(), id));
  };
  change.happen = [this, id] {
    std::erase_if(people_.people, [&id](const Person& person) { return person.id == id; });
    std::erase_if(joined_, [&id](const auto& join) { return join.second == id; });
  };
  return change;
}

}  // namespace muster::testing
