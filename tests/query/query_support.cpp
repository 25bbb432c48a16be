#include "tests/query/query_support.h"

#include <gtest/gtest.h>

#include "query/language/language.h"
#include "query/plan/rewrite.h"
#include "tests/support/people_decoder.h"

namespace muster::testing {
namespace {

PlainField one(Value value) { return {.list = false, .values = {std::move(value)}}; }

std::string ids_of(const index::Generation& generation, const index::Bitmap& members) {
  std::string ids;
  for (const index::Ordinal ordinal : members.to_vector()) {
    ids += (ids.empty() ? "" : " ") + std::string(generation.profiles.ids.key(ordinal));
  }
  return ids.empty() ? "nobody" : ids;
}

}  // namespace

PlainField number(const std::string& value) { return one(parse_decimal(value).value()); }
PlainField real(double value) { return one(value); }
PlainField truth(bool value) { return one(value); }
PlainField point(double latitude, double longitude) { return one(GeoPoint{latitude, longitude}); }

PlainField list(std::initializer_list<PlainField> elements) {
  PlainField made{.list = true, .values = {}};
  for (const PlainField& element : elements) made.values.push_back(element.values.at(0));
  return made;
}

World::World(const std::function<void(index::Schema&)>& declare) {
  index::Schema schema;
  if (declare) declare(schema);
  writer_.set_schema(std::move(schema));
  set_now("2024-06-15T12:00:00Z");
}

void World::add(const index::TableRef& table, Row row) {
  generation_ = nullptr;
  if (pending_.empty() || pending_.back().table.kind != table.kind ||
      pending_.back().table.name != table.name) {
    pending_.push_back({table, {}});
  }
  pending_.back().rows.push_back(std::move(row));
}

void World::person(const std::string& id, const Cells& cells) {
  Row row{{"profile_id", text(id)}};
  for (const auto& [name, value] : cells) row.emplace_back(name, value);
  add({index::TableKind::Profiles, ""}, std::move(row));
}

void World::event(const std::string& id, const std::string& name, const std::string& time,
                  const Cells& cells) {
  Row row{{"profile_id", text(id)}, {"type", text(name)}, {"ts", text(time)}};
  for (const auto& [key, value] : cells) row.emplace_back(key, value);
  add({index::TableKind::Events, ""}, std::move(row));
}

void World::entity(const std::string& table, const std::string& id, const Cells& cells) {
  Row row{{table + "_id", text(id)}};
  for (const auto& [name, value] : cells) row.emplace_back(name, value);
  add({index::TableKind::Entities, table}, std::move(row));
}

void World::put_list(const std::string& id, const std::vector<index::Ordinal>& members) {
  flush();
  writer_.put_list(id, index::Bitmap::from_sorted(members), 1);
}

void World::copy_events(const std::string& from, const std::string& to) {
  auto changed = std::make_shared<index::Generation>(*generation());
  auto table = std::make_shared<index::EventTable>(*changed->events.at(from));
  table->name = to;
  changed->events[to] = std::move(table);
  generation_ = std::move(changed);
}

void World::set_now(const std::string& time) { now_ = parse_time(time, Zone()).value(); }
void World::set_zone(const std::string& name) { zone_ = Zone::named(name).value(); }

void World::flush() {
  generation_ = nullptr;
  for (const Pending& pending : pending_) {
    const std::string bytes = to_private_rows(pending.rows);
    auto batch = PeopleDecoder().decode({.bytes = bytes});
    ASSERT_TRUE(batch) << batch.error().message;
    auto typed = index::type_rows(std::make_shared<const index::Batch>(std::move(*batch)),
                                  pending.table, *writer_.state().schema,
                                  [&](const std::string& key, std::uint8_t scale) {
                                    return writer_.can_widen(key, scale);
                                  });
    ASSERT_TRUE(typed) << typed.error().message;
    writer_.add_fields(typed->additions);
    writer_.resolve(*typed);
    for (const auto& rejected : typed->rejected) ADD_FAILURE() << rejected.reason;
    writer_.apply(*typed, 0);
  }
  pending_.clear();
}

const std::shared_ptr<const index::Generation>& World::generation() {
  if (!pending_.empty()) flush();
  if (!generation_) generation_ = writer_.publish(1);
  return generation_;
}

index::Ordinal World::ordinal_of(const std::string& id) {
  return generation()->profiles.ids.find(id).value();
}

Result<query::BoundQueryPtr> World::bind(const std::string& where,
                                         std::vector<std::string> rewrites_off) {
  TRY_ASSIGN(const query::NodePtr tree, query::parse(where));
  return bind(tree, std::move(rewrites_off));
}

query::BindContext World::context() {
  query::BindContext context;
  context.generation = generation();
  context.now = now_;
  context.zone = zone_;
  context.allow_unknown = allow_unknown_;
  context.segment = [this](const std::string& id,
                           std::uint64_t) -> Result<query::BindContext::Segment> {
    const auto found = segments_.find(id);
    if (found == segments_.end()) {
      return Error{.code = ErrorCode::NotFound, .message = "no segment '" + id + "'"};
    }
    TRY_ASSIGN(const query::NodePtr nested, query::parse(found->second));
    return query::BindContext::Segment{.tree = nested, .zone = zone_};
  };
  return context;
}

Result<query::BoundQueryPtr> World::bind(const query::NodePtr& tree,
                                         std::vector<std::string> rewrites_off) {
  query::BindContext made = context();
  made.rewrites_off = std::move(rewrites_off);
  return query::bind(tree, made);
}

std::string World::members_in_every_way(const std::string& where) {
  auto bound = bind(where);
  if (!bound) return bound.error().message;
  const auto members = query::members(**bound, {}, {});
  if (!members) return members.error().message;
  const auto counted = query::count(**bound, {}, {});
  EXPECT_TRUE(counted);
  EXPECT_EQ(members->count(), counted ? *counted : 0) << where;
  for (index::Ordinal ordinal = 0; ordinal < generation()->profiles.ids.size(); ++ordinal) {
    const auto contained = query::contains(**bound, ordinal);
    EXPECT_TRUE(contained);
    EXPECT_EQ(members->contains(ordinal), contained && *contained)
        << where << " for " << generation()->profiles.ids.key(ordinal);
    if (ordinal >= 64) continue;  // Explanations of the first are enough.
    const auto explained = query::explain(**bound, ordinal);
    EXPECT_TRUE(explained);
    EXPECT_EQ(members->contains(ordinal), explained && explained->holds) << where;
  }
  for (const query::Rewrite& rewrite : query::kRewrites) {
    auto without = bind(where, {std::string(rewrite.name)});
    EXPECT_TRUE(without);
    EXPECT_EQ(*members, query::members(**without, {}, {}).value()) << where << " without "
                                                                   << rewrite.name;
  }
  return ids_of(*generation(), *members);
}

std::string World::ask(const std::string& where) {
  generation();
  return members_in_every_way(where);
}

std::uint64_t World::count(const std::string& where) {
  auto bound = bind(where);
  EXPECT_TRUE(bound) << bound.error().message;
  return query::count(**bound, {}, {}).value();
}

}  // namespace muster::testing
