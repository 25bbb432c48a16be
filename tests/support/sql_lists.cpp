// Lists of values and of objects in SQL.
#include "tests/support/sql_translator.h"

#include "tests/support/sql_text.h"

namespace muster::testing {

std::string Translator::owner_of(const Place& place) {
  return (place.is_person() ? "'p' || " : "'e' || ") + place.owner + ".n";
}

std::optional<std::pair<SqlPlace, std::string>> Translator::list_at(const query::Path& path,
                                                                 const Place& place) {
  for (const Place::Step& step : place.steps) {
    if (path.names.size() < 2 || step.name.empty() || step.name != path.names[0]) continue;
    return std::pair{Place{.owner = step.alias, .tables = step.tables},
                     joined({path.names.begin() + 1, path.names.end()})};
  }
  if (place.is_object || place.is_group) return std::nullopt;
  return std::pair{place, joined(path.names)};
}

bool Translator::is_list(const query::Path& path, const Place& place) {
  const auto list = list_at(path, place);
  if (!list) return false;
  if (is_objects(list->second)) return true;
  const index::FieldType* const type = type_in(list->first.tables, list->second);
  return type != nullptr && type->list;
}

std::string Translator::size(const query::Path& path, const Place& place) {
  const auto list = list_at(path, place);
  if (!list || !is_list(path, place)) return give_up();
  return std::string("(SELECT count(*) FROM ") +
         (is_objects(list->second) ? "object" : "list") + " l WHERE l.owner = " +
         owner_of(list->first) + " AND l.field = " + sql_text(list->second) + ")";
}

std::string Translator::quantify(query::Quantifier quantifier, const std::string& from,
                                 const std::string& condition) {
  const std::string some = "EXISTS (SELECT 1 FROM " + from + " AND " + condition + ")";
  switch (quantifier) {
    case query::Quantifier::Any: return some;
    case query::Quantifier::None: return "(NOT " + some + ")";
    case query::Quantifier::All: break;
  }
  return "(EXISTS (SELECT 1 FROM " + from + ") AND NOT EXISTS (SELECT 1 FROM " + from +
         " AND NOT " + condition + "))";
}

std::string Translator::quantified(const Node& node, const Place& place) {
  const auto list = list_at(node.path, place);
  if (!list || is_objects(list->second)) return give_up();
  const index::FieldType* const type = type_in(list->first.tables, list->second);
  if (type == nullptr || !type->list) return give_up();
  Place inner = place;
  inner.element = alias("l");
  inner.element_type = *type;
  const std::string from = "list " + inner.element + " WHERE " + inner.element + ".owner = " +
                           owner_of(list->first) + " AND " + inner.element +
                           ".field = " + sql_text(list->second);
  return quantify(node.quantifier, from, test(*node.children[0], inner));
}

std::string Translator::over_objects(const Node& node, const Place& place) {
  const auto list = list_at(node.path, place);
  if (!list) return give_up();
  const std::string row = alias("o");
  const Place inner{.owner = row, .tables = {}, .is_object = true};
  const std::string from = "object " + row + " WHERE " + row + ".owner = " +
                           owner_of(list->first) + " AND " + row +
                           ".field = " + sql_text(list->second);
  return quantify(node.quantifier, from, test(*node.children[0], inner));
}

}  // namespace muster::testing
