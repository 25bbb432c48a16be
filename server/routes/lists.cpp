// /v1/lists: people named by an identifier, one by one.
#include "base/text.h"
#include "loader/decoder.h"
#include "server/routes/body.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

namespace {

Result<std::vector<std::string>> texts_of(const index::Batch& batch,
                                          const std::string& identifier) {
  std::vector<std::string> names;
  for (const index::Column& column : batch.columns) names.push_back(column.name);
  const index::Column* column = batch.column(identifier);
  if (column == nullptr && batch.rows != 0) {
    return Error{ErrorCode::InvalidArgument,
                 "the rows have no column " + with_suggestion(identifier, names)};
  }
  std::vector<std::string> texts;
  if (column == nullptr) return texts;
  for (const index::Cell& cell : column->cells) {
    if (cell.kind == index::CellKind::Text) {
      texts.emplace_back(batch.text_of(cell));
    } else if (cell.kind == index::CellKind::Integer) {
      texts.push_back(std::to_string(cell.number));
    } else {
      texts.emplace_back();  // Counted as invalid.
    }
  }
  return texts;
}

}  // namespace

// GET /v1/lists  ->  200 {"items": [...], "next_cursor"}
Result<Response> get_lists(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {"limit", "cursor"}));
  TRY_ASSIGN(const Page page, page_of(call.request));
  std::vector<std::string> ids, items;
  for (const engine::Document& list : call.engine().documents("list")) {
    if (list.deleted) continue;
    ids.push_back(list.id);
    items.push_back(document_json(list));
  }
  return page_reply(page, ids, items);
}

Result<Response> get_list(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::Document list, call.engine().document("list", call.param(0)));
  return json_reply(document_json(list));
}

// PUT /v1/lists/staff?identifier=email, CSV or NDJSON with that column
//   ->  200 {"matched", "unmatched", "invalid", "sequence"}
Result<Response> put_list(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {"identifier"}));
  engine::ListRequest asked;
  asked.identifier = call.request.query_value("identifier").value_or("profile_id");
  TRY_ASSIGN(const std::string bytes, plain_body(call.request));
  const loader::FileDecoder decoder;
  engine::RawRows rows;
  rows.format = format_of(call.request, bytes);
  rows.bytes = bytes;
  TRY_ASSIGN(const index::Batch batch, decoder.decode(rows));
  TRY_ASSIGN(asked.members, texts_of(batch, asked.identifier));
  TRY_ASSIGN(const engine::ListReceipt receipt,
             call.engine().put_list(pass, call.param(0), asked));
  // A line that is no row names nobody.
  const std::size_t named = asked.members.size();
  const std::uint64_t without = batch.rows - std::min<std::uint64_t>(batch.rows, named);
  JsonWriter json;
  json.begin_object();
  json.key("matched").number(receipt.matched);
  json.key("unmatched").number(receipt.unmatched);
  json.key("invalid").number(receipt.invalid + batch.rejected.size() + without);
  json.key("sequence").number(receipt.sequence);
  json.end_object();
  return json_reply(json.take());
}

// DELETE /v1/lists/staff  ->  204
Result<Response> delete_list(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.engine().delete_list(pass, call.param(0)));
  return no_content();
}

}  // namespace muster::server
