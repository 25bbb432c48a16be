#include "index/typing.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "index/coded.h"
#include "index/convert.h"
#include "index/plain_values.h"
#include "index/recent_codes.h"
#include "base/system_names.h"

namespace muster::index {
namespace {

// The name of the table of events where the system itself writes: a record of the log says so.
constexpr std::string_view kSystemRows = "system";

// The key of a table's field in the schema; of events it takes the event's name.
std::string prefix_of(const TableRef& table) {
  switch (table.kind) {
    case TableKind::Profiles: return "profiles.";
    case TableKind::UserInfo: return "profiles." + table.name + ".";
    case TableKind::Entities: return table.name + ".";
    case TableKind::Events:
    case TableKind::Identities: break;
  }
  return "";
}

class Typist {
 public:
  Typist(std::shared_ptr<const Batch> batch, const TableRef& table, const Schema& schema,
         const CanWiden& can_widen, Zone zone)
      : schema_(schema), can_widen_(can_widen), batch_(*batch) {
    out_.table = table;
    out_.schema_version = schema.version;
    out_.rows = batch->rows;
    out_.lines = batch->line_of_row;
    out_.taken.assign(batch->rows, true);
    out_.rejected = batch->rejected;
    out_.batch = std::move(batch);
    out_.arena = std::make_shared<std::deque<std::string>>();
    context_.emplace(ConvertContext{batch_, zone, *out_.arena});
  }

  void ignore(std::span<const std::uint64_t> lines) {
    for (std::uint32_t row = 0; row < out_.rows; ++row) {
      out_.taken[row] = !std::binary_search(lines.begin(), lines.end(), out_.lines[row]);
    }
    std::erase_if(out_.rejected, [&](const RejectedLine& rejected) {
      return std::binary_search(lines.begin(), lines.end(), rejected.line);
    });
  }

  // The column that says who (or which thing) each row is about.
  void read_identity(const std::string& column, const std::string& identifier) {
    out_.identifier = identifier;
    own_.push_back(column);
    out_.identity = texts_of(column, "id", kIdBytesMax);
    if (identifier != "profile_id" && schema_.identifiers.contains(identifier)) {
      normalise(schema_.identifiers.at(identifier));
    }
    for (std::uint32_t row = 0; row < out_.rows; ++row) {
      if (out_.taken[row] && out_.identity[row].empty()) {
        reject(row, "has no value in '" + column + "', which says who or what the row is about");
      }
    }
  }

  void read_event_columns() {
    own_.insert(own_.end(), {schema_.event_name, schema_.event_time, schema_.event_id});
    out_.event_id = texts_of(schema_.event_id, "event id", kIdBytesMax);
    const auto names = texts_of(schema_.event_name, "event name", kNameBytesMax);
    read_times();
    std::map<std::string_view, std::uint32_t> known;
    const auto number_of = [&](std::string_view name) {
      const auto [at, added] = known.emplace(name, static_cast<std::uint32_t>(out_.names.size()));
      if (added) out_.names.emplace_back(name);
      return at->second;
    };
    RecentCodes recent;
    out_.event_name.assign(out_.rows, 0);
    for (std::uint32_t row = 0; row < out_.rows; ++row) {
      if (!out_.taken[row]) continue;
      if (names[row].empty()) {
        reject(row, "has no event name in '" + schema_.event_name + "'");
      } else if (is_system_event(names[row]) && out_.table.name != kSystemRows) {
        reject(row, "has an event name that begins with '$', which only the system may use");
      } else {
        out_.event_name[row] = recent.code_of(names[row], number_of);
      }
    }
  }

  void read_joins() {
    out_.event_id = texts_of(kCallColumn, "id of a call", kIdBytesMax);
    out_.event_id_is_enough = true;
    out_.previous = texts_of(kPreviousColumn, "id", kIdBytesMax);
    out_.anonymous = texts_of(kAnonymousColumn, "id", kIdBytesMax);
  }

  void read_fields() {
    const std::string prefix = prefix_of(out_.table);
    join_points(prefix);
    std::vector<std::vector<Cell>> by_name(out_.names.size());
    for (const Column& column : batch_.columns) {
      if (std::find(own_.begin(), own_.end(), column.name) != own_.end()) continue;
      if (out_.table.kind != TableKind::Events) {
        read_column(column.cells, column.name, prefix + column.name, "");
        continue;
      }
      for (auto& cells : by_name) cells.clear();
      for (const Cell& cell : column.cells) {
        if (out_.taken[cell.row]) by_name[out_.event_name[cell.row]].push_back(cell);
      }
      for (std::size_t i = 0; i < by_name.size(); ++i) {
        if (by_name[i].empty()) continue;
        read_column(by_name[i], column.name, event_key(out_.names[i], column.name),
                    out_.names[i]);
      }
    }
  }

  TypedRows take() {
    std::sort(out_.rejected.begin(), out_.rejected.end(),
              [](const auto& a, const auto& b) { return a.line < b.line; });
    return std::move(out_);
  }

 private:
  void reject(std::uint32_t row, std::string reason) {
    if (!out_.taken[row]) return;
    out_.taken[row] = false;
    out_.rejected.push_back({out_.lines[row], std::move(reason)});
  }

  std::string event_key(const std::string& event, const std::string& name) const {
    const std::string any = "*." + name;
    return schema_.fields.contains(any) ? any : event + "." + name;
  }

  // A column of ids or names as texts; whole numbers are taken as they are written.
  std::vector<std::string_view> texts_of(const std::string& name, const char* what,
                                         std::size_t bytes_max) {
    std::vector<std::string_view> texts(out_.rows);
    const Column* column = batch_.column(name);
    if (column == nullptr) return texts;
    for (const Cell& cell : column->cells) {
      if (cell.kind == CellKind::Text) {
        texts[cell.row] = batch_.text_of(cell);
      } else if (cell.kind == CellKind::Integer) {
        texts[cell.row] = out_.arena->emplace_back(std::to_string(cell.number));
      } else if (cell.kind != CellKind::Null) {
        reject(cell.row, "has no text in '" + name + "', the " + what);
      }
      if (texts[cell.row].size() > bytes_max) {
        reject(cell.row, "has a longer " + std::string(what) + " in '" + name + "' than " +
                             std::to_string(bytes_max) + " bytes");
      }
    }
    return texts;
  }

  void normalise(const std::string& how) {
    if (how != "email") return;
    for (auto& value : out_.identity) value = out_.arena->emplace_back(normalise_email(value));
  }

  void read_times() {
    out_.event_time.assign(out_.rows, 0);
    std::vector<bool> seen(out_.rows);
    const Column* column = batch_.column(schema_.event_time);
    const Field* declared = schema_.field("*." + schema_.event_time);
    Field field{{Type::Timestamp}, true, declared ? declared->epoch : ""};
    TypedColumn unused;
    for (const Cell& cell : column ? std::span(column->cells) : std::span<const Cell>{}) {
      TypedCell typed;
      if (cell.kind == CellKind::Null) continue;
      seen[cell.row] = true;
      if (const auto reason = convert(cell, field, *context_, unused, typed)) {
        reject(cell.row, "'" + schema_.event_time + "' " + *reason);
      }
      out_.event_time[cell.row] = typed.key;
    }
    for (std::uint32_t row = 0; row < out_.rows; ++row) {
      if (!seen[row]) reject(row, "has no time in '" + schema_.event_time + "'");
    }
  }

  // A declared geo point arrives as two columns, NAME.lat and NAME.lon; its null as NAME.
  void join_points(const std::string& prefix) {
    if (out_.table.kind == TableKind::Events) return;
    for (const auto& [key, field] : schema_.fields) {
      if (field.type.type != Type::Geo || !key.starts_with(prefix)) continue;
      const std::string name = key.substr(prefix.size());
      own_.insert(own_.end(), {name, name + ".lat", name + ".lon"});
      TypedColumn column{name, "", field.type, {}, {}};
      add_points(column, cells_of(name + ".lat"), cells_of(name + ".lon"));
      if (const Column* nulls = batch_.column(name)) add_no_points(column, *nulls);
      if (!column.cells.empty()) out_.columns.push_back(std::move(column));
    }
  }

  std::span<const Cell> cells_of(const std::string& name) const {
    const Column* column = batch_.column(name);
    return column == nullptr ? std::span<const Cell>() : std::span<const Cell>(column->cells);
  }

  // Row by row; one coordinate without the other is no point.
  void add_points(TypedColumn& column, std::span<const Cell> latitudes,
                  std::span<const Cell> longitudes) {
    std::size_t lat = 0, lon = 0;
    while (lat < latitudes.size() || lon < longitudes.size()) {
      const bool has_lat = lat < latitudes.size() && (lon == longitudes.size() ||
                                                      latitudes[lat].row <= longitudes[lon].row);
      const std::uint32_t row = has_lat ? latitudes[lat].row : longitudes[lon].row;
      const bool has_lon = lon < longitudes.size() && longitudes[lon].row == row;
      if (out_.taken[row]) {
        add_point(column, row, has_lat ? latitudes[lat] : Cell{},
                  has_lon ? longitudes[lon] : Cell{});
      }
      lat += has_lat ? 1 : 0;
      lon += has_lon ? 1 : 0;
    }
  }

  // Nulls take points away; anything else in place of a point is refused.
  void add_no_points(TypedColumn& column, const Column& cells) {
    for (const Cell& cell : cells.cells) {
      if (!out_.taken[cell.row]) continue;
      if (cell.kind == CellKind::Null) {
        column.cells.push_back({cell.row});
      } else {
        reject_point(column, cell.row);
      }
    }
    const auto by_row = [](const TypedCell& a, const TypedCell& b) { return a.row < b.row; };
    const auto same_row = [](const TypedCell& a, const TypedCell& b) { return a.row == b.row; };
    std::stable_sort(column.cells.begin(), column.cells.end(), by_row);
    column.cells.erase(std::unique(column.cells.begin(), column.cells.end(), same_row),
                       column.cells.end());
  }

  void reject_point(const TypedColumn& column, std::uint32_t row) {
    reject(row, "'" + column.name + "' is no point: lat from -90 to 90 and lon from -180 to 180 "
                "are needed");
  }

  void add_point(TypedColumn& column, std::uint32_t row, const Cell& lat, const Cell& lon) {
    const auto y = degrees(lat), x = degrees(lon);
    if (!y || !x || *y < -90 || *y > 90 || *x < -180 || *x > 180) {
      reject_point(column, row);
      return;
    }
    TypedCell typed{row, true};
    typed.bytes = out_.arena->emplace_back(bytes_of_point({*y, *x}));
    column.cells.push_back(typed);
  }

  std::optional<double> degrees(const Cell& raw) const {
    const Cell cell = batch_.untyped_texts && raw.kind == CellKind::Text
                          ? cell_of_untyped(raw, batch_) : raw;
    if (cell.kind == CellKind::Double) return cell.real;
    if (cell.kind != CellKind::Integer && cell.kind != CellKind::Decimal) return std::nullopt;
    return static_cast<double>(cell.number) / static_cast<double>(power_of_ten(cell.scale));
  }

  void read_column(std::span<const Cell> cells, const std::string& name, const std::string& key,
                   const std::string& event) {
    const auto field = field_for(cells, key);
    if (!field) return;
    TypedColumn column{name, event, field->type, {}, {}};
    column.cells.reserve(cells.size());
    for (const Cell& cell : cells) {
      if (!out_.taken[cell.row]) continue;
      TypedCell& typed = column.cells.emplace_back();
      typed.row = cell.row;
      if (cell.kind == CellKind::Null ||
          convert_plainly(cell, *field, batch_, typed, column.elements)) {
        continue;
      }
      if (const auto reason = convert(cell, *field, *context_, column, typed)) {
        reject(cell.row, "'" + name + "' " + *reason);
        column.cells.pop_back();
      }
    }
    out_.columns.push_back(std::move(column));
  }

  // The field as it stands, widened or inferred; nothing while its type cannot be known.
  std::optional<Field> field_for(std::span<const Cell> cells, const std::string& key) {
    const Field* known = schema_.field(key);
    if (const auto added = out_.additions.find(key); added != out_.additions.end()) {
      known = &added->second;  // "*.NAME" was widened by another event of the batch.
    }
    if (known == nullptr) {
      const auto type = infer(cells, *context_);
      if (!type) return std::nullopt;
      return out_.additions[key] = Field{*type, false, ""};
    }
    Field field = *known;
    const bool exact = field.type.type == Type::Int || field.type.type == Type::Decimal;
    if (field.declared || !exact) return field;
    const std::uint8_t scale = scale_needed(cells, batch_);
    const std::uint8_t has = field.type.type == Type::Int ? std::uint8_t{0} : field.type.scale;
    if (scale <= has || field.type.list || !can_widen_(key, scale)) return field;
    field.type = {Type::Decimal, false, scale};
    return out_.additions[key] = field;
  }

  const Schema& schema_;
  const CanWiden& can_widen_;
  const Batch& batch_;
  TypedRows out_;
  std::vector<std::string> own_;  // Columns that are no fields: ids, times, names, points.
  std::optional<ConvertContext> context_;
};

}  // namespace

Result<TypedRows> type_rows(std::shared_ptr<const Batch> batch, const TableRef& table,
                            const Schema& schema, const CanWiden& can_widen,
                            std::span<const std::uint64_t> ignored) {
  TRY_ASSIGN(const Zone zone, Zone::named(schema.timezone));
  Typist typist(std::move(batch), table, schema, can_widen, zone);
  typist.ignore(ignored);
  switch (table.kind) {
    case TableKind::Identities:
      typist.read_identity(kProfileColumn, "profile_id");
      typist.read_joins();
      return typist.take();
    case TableKind::Profiles: typist.read_identity(schema.profile_id, "profile_id"); break;
    case TableKind::Events:
      typist.read_identity(schema.event_profile, schema.event_identifier);
      typist.read_event_columns();
      break;
    case TableKind::UserInfo: {
      const auto source = schema.userinfo.find(table.name);
      if (source == schema.userinfo.end()) {
        return Error{ErrorCode::InvalidArgument,
                     "no user-info source '" + table.name +
                         "' is declared; declare it under \"userinfo\" first"};
      }
      typist.read_identity(source->second.key, source->second.identifier);
      break;
    }
    case TableKind::Entities: {
      const auto entity = schema.entity_ids.find(table.name);
      if (entity == schema.entity_ids.end()) {
        return Error{ErrorCode::InvalidArgument,
                     "no entity '" + table.name +
                         "' is declared; declare it under \"entities\" first"};
      }
      typist.read_identity(entity->second, "");
      break;
    }
  }
  typist.read_fields();
  return typist.take();
}

}  // namespace muster::index
